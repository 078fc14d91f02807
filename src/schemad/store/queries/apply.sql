-- Claims, applies and records a batch; alone in its transaction, so that one round trip is all of it.
SELECT a.request_id, a.result, a.error_code, a.error_message
FROM schemad.apply_batch($1::integer, $2::jsonb) AS a
