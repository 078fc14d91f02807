-- The request and its job in one transaction, by the function that procrastinate's own defer() calls.
WITH request AS (
  INSERT INTO app.schema_requests (requester_user_id, schema_name, request_payload) VALUES ('bench', $1, $2)
  RETURNING id, requester_user_id, schema_name, request_payload
),
job AS (
  SELECT jsonb_build_object('request_id', r.id, 'requester_user_id', r.requester_user_id,
    'schema_name', r.schema_name, 'request_payload', r.request_payload) AS data
  FROM request AS r
)
SELECT procrastinate_defer_jobs_v1(
  ARRAY[
    ROW('default', 'create_table', 0, NULL, NULL, jsonb_build_object('request', job.data), NULL)
  ]::procrastinate_job_to_defer_v1[]
)
FROM job
