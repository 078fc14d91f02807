-- As pg-boss's own send() does it for a queue with notify: the same INSERT, and the notification on its channel.
WITH request AS (
  INSERT INTO app.schema_requests (requester_user_id, schema_name, request_payload) VALUES ('bench', $1, $2)
  RETURNING id, requester_user_id, schema_name, request_payload
),
job AS (
  SELECT jsonb_build_object('request_id', r.id, 'requester_user_id', r.requester_user_id,
    'schema_name', r.schema_name, 'request_payload', r.request_payload) AS data
  FROM request AS r
),
sent AS (
  INSERT INTO pgboss.job (name, data) SELECT 'create_table', job.data FROM job RETURNING name
)
SELECT pg_notify('pgboss_' || left(encode(sha224('pgboss'), 'hex'), 24), sent.name) FROM sent
