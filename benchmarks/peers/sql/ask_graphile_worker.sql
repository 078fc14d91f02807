-- The request and its job in one transaction, by the function that graphile-worker documents for SQL.
WITH request AS (
  INSERT INTO app.schema_requests (requester_user_id, schema_name, request_payload) VALUES ('bench', $1, $2)
  RETURNING id, requester_user_id, schema_name, request_payload
),
job AS (
  SELECT jsonb_build_object('request_id', r.id, 'requester_user_id', r.requester_user_id,
    'schema_name', r.schema_name, 'request_payload', r.request_payload) AS data
  FROM request AS r
)
SELECT graphile_worker.add_job('create_table', job.data::json) FROM job
