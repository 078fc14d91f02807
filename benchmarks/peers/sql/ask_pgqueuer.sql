-- The request and its job in one transaction, by the two INSERTs that pgqueuer documents for SQL.
WITH request AS (
  INSERT INTO app.schema_requests (requester_user_id, schema_name, request_payload) VALUES ('bench', $1, $2)
  RETURNING id, requester_user_id, schema_name, request_payload
),
job AS (
  SELECT jsonb_build_object('request_id', r.id, 'requester_user_id', r.requester_user_id,
    'schema_name', r.schema_name, 'request_payload', r.request_payload) AS data
  FROM request AS r
),
queued AS (
  INSERT INTO pgqueuer (priority, entrypoint, payload, execute_after, status)
  SELECT 0, 'create_table', convert_to(job.data::text, 'UTF8'), now(), 'queued' FROM job
  RETURNING id, entrypoint, priority
)
INSERT INTO pgqueuer_log (job_id, status, entrypoint, priority)
SELECT queued.id, 'queued', queued.entrypoint, queued.priority FROM queued
