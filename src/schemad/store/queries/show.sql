-- One request.
SELECT r.*, schemad.request_message(r) AS message
FROM schemad.schema_requests AS r
WHERE r.id = $1
