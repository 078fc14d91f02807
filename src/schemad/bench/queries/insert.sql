-- A plain insert, which is as good as submit_request().
INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload)
VALUES ('bench', $1, $2)
