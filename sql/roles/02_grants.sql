-- Who may do what. Everything starts from nothing, so that a grant that is gone from here is gone from the database.
REVOKE ALL ON ALL TABLES IN SCHEMA schemad FROM PUBLIC, schemad_requester, schemad_reviewer, schemad_daemon, schemad_owner;
REVOKE ALL ON ALL SEQUENCES IN SCHEMA schemad FROM PUBLIC, schemad_requester, schemad_reviewer, schemad_daemon, schemad_owner;
REVOKE ALL ON ALL ROUTINES IN SCHEMA schemad FROM PUBLIC, schemad_requester, schemad_reviewer, schemad_daemon, schemad_owner;

GRANT USAGE ON SCHEMA schemad TO schemad_requester, schemad_reviewer, schemad_daemon;

GRANT SELECT ON
  schemad.schema_requests, schemad.notifications, schemad.schema_registry, schemad.schema_fields,
  schemad.schema_versions, schemad.policy, schemad.safe_types, schemad.protected_tables, schemad.rule_severities,
  schemad.pending_requests, schemad.recent_decisions, schemad.created_tables
TO schemad_requester, schemad_reviewer, schemad_daemon;
GRANT SELECT ON schemad.schema_changes_audit, schemad.auto_create_log, schemad.policy_changes, schemad.migrations
TO schemad_reviewer, schemad_daemon;

-- Requesters ask; the columns of the outcome are not theirs to write.
GRANT INSERT (requester_user_id, schema_name, request_payload, idempotency_key) ON schemad.schema_requests
TO schemad_requester;
GRANT UPDATE (delivered, delivery_channel) ON schemad.notifications TO schemad_requester;
GRANT EXECUTE ON FUNCTION
  schemad.submit_request(text, text, jsonb, text),
  schemad.raise_problem(text, text, text, text),
  schemad.refusal_to_commit(),
  schemad.cancel_request(integer)
TO schemad_requester;
GRANT EXECUTE ON PROCEDURE schemad.create_table(text, text, jsonb, integer, text, text, text) TO schemad_requester;

GRANT EXECUTE ON FUNCTION schemad.caller(), schemad.fold(text), schemad.plan_digest(schemad.schema_requests)
TO schemad_requester, schemad_reviewer, schemad_daemon;
GRANT EXECUTE ON FUNCTION
  schemad.list_requests(text, text, integer, integer),
  schemad.wait_for_request(integer, interval),
  schemad.request_message(schemad.schema_requests),
  schemad.describe_schema(text),
  schemad.preview_request(text, jsonb),
  schemad.retry_request(integer)
TO schemad_requester, schemad_reviewer;

GRANT EXECUTE ON FUNCTION
  schemad.approve_request(integer, text, text),
  schemad.reject_request(integer, text),
  schemad.cancel_request(integer)
TO schemad_reviewer;

-- The daemon records; the audit, the log and the notifications can't be rewritten by it.
GRANT UPDATE (status, processed_at, verdict, findings, plan_sql, decided_by, decision_reason, attempts,
  next_attempt_at, last_error) ON schemad.schema_requests TO schemad_daemon;
GRANT INSERT, UPDATE, DELETE ON schemad.schema_registry, schemad.schema_fields TO schemad_daemon;
GRANT USAGE ON SEQUENCE schemad.schema_registry_id_seq TO schemad_daemon;
-- It removes what the policy says is old enough, and nothing else: no plain DELETE.
GRANT EXECUTE ON FUNCTION schemad.prune(integer) TO schemad_daemon;
GRANT SELECT, UPDATE (turn_at) ON schemad.pruning TO schemad_daemon;
GRANT INSERT ON schemad.schema_versions, schemad.schema_changes_audit, schemad.auto_create_log, schemad.notifications
TO schemad_daemon;
GRANT EXECUTE ON FUNCTION
  schemad.apply_batch(integer, jsonb),
  schemad.candidates(integer, integer[], text[]),
  schemad.due_requests(integer, integer[], text[]),
  schemad.due_of_role(name, text, integer, integer[], text[]),
  schemad.is_overtaking(integer, text, name, integer[]),
  schemad.next_attempt(integer),
  schemad.next_attempt_in_outage(timestamptz),
  schemad.claim_batch(schemad.policy, jsonb),
  schemad.run_batch(schemad.policy, jsonb, schemad.outcome[], boolean),
  schemad.prove_batch(jsonb, schemad.policy),
  schemad.unused_names(text[]),
  schemad.require_nothing_deferred(),
  schemad.reference_difference(jsonb, oid),
  schemad.column_difference(jsonb, oid),
  schemad.key_difference(jsonb, oid, name),
  schemad.stranger_used(jsonb, oid),
  schemad.record_batch(schemad.policy, jsonb, schemad.outcome[]),
  schemad.lock_key(text, text),
  schemad.is_outage(text),
  schemad.take_quota_turn(name),
  schemad.is_transient(text),
  schemad.outcome_of(text, integer, schemad.policy),
  schemad.keep_watch(),
  schemad.end_watch(),
  schemad.is_within_quota(text, integer),
  schemad.request_message(schemad.schema_requests)
TO schemad_daemon;
GRANT EXECUTE ON FUNCTION
  schemad.table_facts(text),
  schemad.taken_names(text, oid),
  schemad.reference_facts(jsonb, integer),
  schemad.key_fields(oid),
  schemad.table_size(oid),
  schemad.quota_facts(name)
TO schemad_daemon, schemad_reviewer;
DO $grants$
DECLARE
  table_schema constant name := (SELECT p.table_schema FROM schemad.policy AS p);
  owner_role constant name := (SELECT p.owner_role FROM schemad.policy AS p);
  schema_owner constant oid := (SELECT n.nspowner FROM pg_namespace AS n WHERE n.nspname = 'schemad');
BEGIN
  -- Plans run as their tables' owner, by a function of its own. Not as a role that may act as the owner of schema schemad,
  -- which has its rights by ownership, and would have them taken away here.
  IF to_regrole(quote_ident(owner_role)) IS NOT NULL AND NOT pg_has_role(owner_role, schema_owner, 'USAGE') THEN
    -- Else it could not be given a function. Since PostgreSQL 16 whoever creates a role, and is no superuser, is a member
    -- that may grant it and not become it.
    IF NOT (CASE WHEN current_setting('server_version_num')::integer >= 160000 THEN pg_has_role(owner_role, 'SET')
      ELSE pg_has_role(owner_role, 'MEMBER') END) THEN
      EXECUTE format('GRANT %I TO CURRENT_USER', owner_role);
    END IF;
    EXECUTE format('GRANT CREATE ON SCHEMA schemad TO %I', owner_role);
    EXECUTE format('ALTER FUNCTION schemad.run_as_owner(text) OWNER TO %I', owner_role);
    EXECUTE format('REVOKE CREATE ON SCHEMA schemad FROM %I', owner_role);
  END IF;
  -- Whoever may call it acts as its owner: only where that one is no more than the owner of tables.
  IF NOT (
    SELECT pg_has_role(p.proowner, schema_owner, 'USAGE')
    FROM pg_proc AS p WHERE p.oid = 'schemad.run_as_owner(text)'::regprocedure
  ) THEN
    GRANT EXECUTE ON FUNCTION schemad.run_as_owner(text) TO schemad_daemon;
  END IF;

  -- A database may well have no schema public; doctor says what is to be made then.
  IF to_regnamespace(quote_ident(table_schema)) IS NOT NULL THEN
    -- Where the policy names no owner, tables are made by the daemon's login, a member of schemad_owner.
    IF owner_role IS NULL THEN
      EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO schemad_owner', table_schema);
    ELSIF to_regrole(quote_ident(owner_role)) IS NOT NULL THEN
      EXECUTE format('GRANT USAGE, CREATE ON SCHEMA %I TO %I', table_schema, owner_role);
    END IF;
    -- Else requesters could not reach their own tables.
    EXECUTE format('GRANT USAGE ON SCHEMA %I TO schemad_requester', table_schema);
  END IF;
END
$grants$;
