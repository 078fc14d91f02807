-- Seconds until the next request that was put off is due; NULL where there is none. $1: ids to leave out.
SELECT extract(epoch FROM min(r.next_attempt_at) - clock_timestamp())::double precision
FROM schemad.schema_requests AS r
WHERE r.status = 'pending'
  AND r.verdict IS NULL
  AND r.next_attempt_at IS NOT NULL
  AND r.id <> ALL ($1::integer[])
