-- So many requests, all in one statement. $1: how many. $2: payload.
INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload)
SELECT 'bench', concat('bulk_', n), $2::jsonb
FROM generate_series(1, $1::integer) AS n
