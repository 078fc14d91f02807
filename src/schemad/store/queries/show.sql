-- One request.
SELECT r.*, schemad.request_message(r) AS message, schemad.plan_digest(r) AS plan_digest
FROM schemad.schema_requests AS r
WHERE r.id = $1
