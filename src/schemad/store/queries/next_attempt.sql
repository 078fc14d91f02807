-- By the index schema_requests_due. Seconds until the next request that was put off is due, and may be tried; no row where
-- there is none. $1: ids to leave out.
SELECT extract(epoch FROM r.next_attempt_at - clock_timestamp())::double precision
FROM schemad.schema_requests AS r
WHERE r.processed_at IS NULL
  AND r.verdict IS NULL
  AND coalesce(r.next_attempt_at, '-infinity') > '-infinity'
  AND r.id NOT IN (SELECT unnest($1::integer[]))
  AND NOT schemad.is_overtaking(r.id, r.schema_name, r.requested_by, $1::integer[])
ORDER BY coalesce(r.next_attempt_at, '-infinity'), r.id
LIMIT 1
