-- Has what was put off until $1 seconds from now, or later, tried again now: no attempt is put off for that long, so the
-- clock was set back since. What another session has locked is left to it.
UPDATE schemad.schema_requests AS r
SET next_attempt_at = clock_timestamp()
FROM (
  SELECT l.id
  FROM schemad.schema_requests AS l
  WHERE l.processed_at IS NULL
    AND l.verdict IS NULL
    AND coalesce(l.next_attempt_at, '-infinity') >= clock_timestamp() + $1::double precision * interval '1 s'
  FOR UPDATE SKIP LOCKED
) AS late
WHERE r.id = late.id
