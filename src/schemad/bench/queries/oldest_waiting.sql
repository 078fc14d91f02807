-- The first request that waits for the daemon; no row where none does. By an index, however many were decided.
SELECT r.id
FROM schemad.schema_requests AS r
WHERE r.processed_at IS NULL AND r.verdict IS NULL
ORDER BY coalesce(r.next_attempt_at, '-infinity'), r.id
LIMIT 1
