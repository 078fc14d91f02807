-- One request, once it is assessed or decided.
SELECT r.*, schemad.request_message(r) AS message, schemad.plan_digest(r) AS plan_digest
FROM schemad.wait_for_request($1::integer, make_interval(secs => $2::double precision)) AS r
