-- The request and its job in one transaction, by an INSERT as pg-boss documents it for SQL.
WITH request AS (
  INSERT INTO app.schema_requests (requester_user_id, schema_name, request_payload) VALUES ('bench', $1, $2)
  RETURNING id, requester_user_id, schema_name, request_payload
),
job AS (
  SELECT jsonb_build_object('request_id', r.id, 'requester_user_id', r.requester_user_id,
    'schema_name', r.schema_name, 'request_payload', r.request_payload) AS data
  FROM request AS r
)
INSERT INTO pgboss.job (name, data) SELECT 'create_table', job.data FROM job
