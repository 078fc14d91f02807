-- The oldest request that waits for the daemon; NULL where none does.
SELECT min(r.id)
FROM schemad.schema_requests AS r
WHERE r.status = 'pending' AND r.verdict IS NULL
