-- Requests, newest first.
SELECT r.*, schemad.request_message(r) AS message, schemad.plan_digest(r) AS plan_digest
FROM schemad.list_requests($1::text, $2::text, $3::integer, $4::integer) AS r
