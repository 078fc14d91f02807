CREATE OR REPLACE VIEW schemad.recent_decisions WITH (security_invoker = true) AS
SELECT (d.request).id,
  (d.request).schema_name,
  (d.request).requester_user_id,
  (d.request).requested_by,
  (d.request).status,
  date_trunc('second', clock_timestamp() - (d.request).processed_at) AS age,
  schemad.request_message(d.request) AS why,
  date_trunc('milliseconds', (d.request).processed_at - (d.request).created_at) AS took,
  (d.request).plan_sql
-- Only one of the two parts is run. That a request was decided is said in another way by each of them, and by the index that
-- it is for: else a role that asked for little would read what all the others asked for.
FROM (
  (
    SELECT own AS request
    FROM schemad.schema_requests AS own
    WHERE own.requested_by = (SELECT schemad.caller())
      AND own.status <> 'pending'
      AND NOT (SELECT has_table_privilege(schemad.caller(), 'schemad.schema_changes_audit', 'SELECT'))
    ORDER BY own.processed_at DESC
    LIMIT 100
  )
  UNION ALL
  (
    -- Those who may read the audit, reviewers and daemons, see all.
    SELECT every AS request
    FROM schemad.schema_requests AS every
    WHERE every.processed_at IS NOT NULL
      AND (SELECT has_table_privilege(schemad.caller(), 'schemad.schema_changes_audit', 'SELECT'))
    ORDER BY every.processed_at DESC
    LIMIT 100
  )
) AS d
ORDER BY (d.request).processed_at DESC;

COMMENT ON VIEW schemad.recent_decisions IS
  'The latest 100 requests that were approved, rejected or cancelled, of those that you may see; the latest first. All of them are in schema_requests.';
COMMENT ON COLUMN schemad.recent_decisions.id IS 'schema_requests.id.';
COMMENT ON COLUMN schemad.recent_decisions.schema_name IS 'The table that was asked for.';
COMMENT ON COLUMN schemad.recent_decisions.requester_user_id IS 'Who asked, in the application''s own terms.';
COMMENT ON COLUMN schemad.recent_decisions.requested_by IS 'Database role that asked.';
COMMENT ON COLUMN schemad.recent_decisions.status IS 'approved: applied; rejected: by a reviewer; cancelled: withdrawn.';
COMMENT ON COLUMN schemad.recent_decisions.age IS 'How long ago it was decided, in whole seconds.';
COMMENT ON COLUMN schemad.recent_decisions.why IS 'Who decided, and the reason.';
COMMENT ON COLUMN schemad.recent_decisions.took IS 'From asking to the decision, in milliseconds and more.';
COMMENT ON COLUMN schemad.recent_decisions.plan_sql IS 'The SQL that was run; of others the last that was planned, or NULL.';
