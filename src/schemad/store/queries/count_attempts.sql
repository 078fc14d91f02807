-- Counts an attempt whose answer was cut off, where nothing came of it. What another session has locked is left: it may
-- be that very attempt, still at work. Returns the ids that need no further counting.
-- $1: ids. $2: their attempts as they were read. $3: what happened.
WITH tried AS (
  SELECT t.id, t.attempts
  FROM ROWS FROM (unnest($1::integer[]), unnest($2::integer[])) AS t (id, attempts)
),
free AS (
  SELECT r.id
  FROM schemad.schema_requests AS r
  JOIN tried AS t ON t.id = r.id
  WHERE r.status = 'pending' AND r.verdict IS NULL AND r.attempts = t.attempts
  FOR UPDATE OF r SKIP LOCKED
),
counted AS (
  UPDATE schemad.schema_requests AS r
  SET attempts = r.attempts + 1, next_attempt_at = schemad.next_attempt(r.attempts), last_error = $3::text
  FROM free AS f
  WHERE r.id = f.id
)
SELECT t.id
FROM tried AS t
LEFT JOIN schemad.schema_requests AS r ON r.id = t.id AND r.status = 'pending' AND r.verdict IS NULL AND r.attempts = t.attempts
LEFT JOIN free AS f ON f.id = t.id
WHERE r.id IS NULL OR f.id IS NOT NULL
