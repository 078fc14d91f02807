CREATE OR REPLACE VIEW schemad.pending_requests WITH (security_invoker = true) AS
SELECT r.id,
  r.schema_name,
  r.requester_user_id,
  r.requested_by,
  date_trunc('second', clock_timestamp() - r.created_at) AS age,
  coalesce(r.verdict, 'queued') AS state,
  schemad.request_message(r) AS why,
  r.plan_sql,
  schemad.plan_digest(r) AS plan_digest
FROM schemad.schema_requests AS r
WHERE r.status = 'pending' AND r.processed_at IS NULL -- which says the same, as the index of those has it
ORDER BY r.id;

COMMENT ON VIEW schemad.pending_requests IS
  'What waits, and why, with the SQL that an approval would run. Then: SELECT schemad.approve_request(id, ''reason'', plan_digest => ''the one that you saw'').';
COMMENT ON COLUMN schemad.pending_requests.id IS 'schema_requests.id, for approve_request(id, …) and the like.';
COMMENT ON COLUMN schemad.pending_requests.schema_name IS 'The table that is asked for.';
COMMENT ON COLUMN schemad.pending_requests.requester_user_id IS 'Who asks, in the application''s own terms.';
COMMENT ON COLUMN schemad.pending_requests.requested_by IS 'Database role that asks.';
COMMENT ON COLUMN schemad.pending_requests.age IS 'For how long it has been waiting, in whole seconds.';
COMMENT ON COLUMN schemad.pending_requests.state IS 'queued: not yet assessed; review: waits for a person; failed: PostgreSQL refused the plan.';
COMMENT ON COLUMN schemad.pending_requests.why IS 'The findings in words.';
COMMENT ON COLUMN schemad.pending_requests.plan_sql IS 'The SQL that an approval would run; NULL where there is none.';
COMMENT ON COLUMN schemad.pending_requests.plan_digest IS
  'Stands for plan_sql and the rules of the findings. Given to approve_request(), it is an approval of these and no others.';
