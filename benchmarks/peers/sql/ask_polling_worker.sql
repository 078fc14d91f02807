-- The request alone: the worker looks for those that are pending.
INSERT INTO app.schema_requests (requester_user_id, schema_name, request_payload) VALUES ('bench', $1, $2)
