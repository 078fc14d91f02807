CREATE OR REPLACE FUNCTION schemad.record_batch(policy schemad.policy, decisions jsonb, outcomes schemad.outcome[]) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- One plan for one request and for two hundred, that never turns into a scan of the queue.
SET plan_cache_mode = force_generic_plan
SET jit = off -- disabling a kind of scan makes it dear, which would have each call compiled
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_material = off
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
-- One statement, as each costs its start: what became of each decision, then a part for each table that tells of it. All see
-- the database as it was before, so that ids and versions are known beforehand, and what was updated is had by RETURNING.
-- What was put off (retry) leaves its traces in the request alone; what was taken or stale leaves none.
DECLARE
  told_count integer;
BEGIN
  WITH decided AS MATERIALIZED (
    SELECT d.request_id, d.result, d.verdict, d.operation, d.registry ->> 'name' AS name, d.registry,
      d.findings || CASE d.result WHEN 'failed' THEN jsonb_build_array(jsonb_build_object(
        'rule', 'apply.failed', 'severity', 'review', 'field', NULL,
        'message', format('%s (SQLSTATE %s)', d.error_message, d.error_code),
        'hint', format('Mend what it names, then schemad.retry_request(%s).', d.request_id)))
        ELSE '[]' END AS findings,
      d.plan_sql, d.result = 'failed' AND d.is_approved AS is_approved, d.summary, d.decided_by, d.decision_reason, d.error_code, d.error_message,
      -- Known beforehand, so that no row needs to be joined with what another part of this statement wrote.
      CASE WHEN d.result = 'applied' AND d.operation <> 'no_change' OR d.expected_version IS NOT NULL THEN coalesce(
        (SELECT s.id FROM schemad.schema_registry AS s WHERE s.name = d.registry ->> 'name'),
        nextval('schemad.schema_registry_id_seq')) END AS schema_id,
      coalesce(d.expected_version, 0) + 1 AS version,
      r.schema_name, r.request_payload, r.requester_user_id, r.requested_by
    FROM ROWS FROM (
      jsonb_to_recordset(decisions) AS (request_id integer, verdict text, operation text, registry jsonb, findings jsonb,
        plan_sql text, is_approved boolean, summary text, decided_by text, decision_reason text, expected_version integer),
      unnest(outcomes)
    ) AS d (request_id, verdict, operation, registry, findings, plan_sql, is_approved, summary, decided_by, decision_reason,
      expected_version, result, error_code, error_message)
    JOIN schemad.schema_requests AS r ON r.id = d.request_id
    WHERE d.result NOT IN ('taken', 'stale')
  ),

  -- Drops take the registry row away; everything else that was applied writes it.
  removed AS (
    DELETE FROM schemad.schema_registry AS s
    USING decided AS d
    WHERE d.result = 'applied' AND d.operation = 'drop_table' AND s.id = d.schema_id
  ),
  registered AS (
    INSERT INTO schemad.schema_registry AS s (id, name, description, owner, owner_role, is_active)
    OVERRIDING SYSTEM VALUE
    SELECT d.schema_id, d.name, d.registry ->> 'description', d.requester_user_id, d.requested_by, d.operation <> 'deprecate'
    FROM decided AS d
    WHERE d.result = 'applied' AND d.operation NOT IN ('drop_table', 'no_change')
    ON CONFLICT (name) DO UPDATE
    SET version = s.version + 1, updated_at = clock_timestamp(),
      description = coalesce(excluded.description, s.description),
      is_active = excluded.is_active,
      -- Made again after somebody dropped it by hand, it is a new one, and granted to the role that asked for it now.
      (owner, owner_role, created_at) = (
        SELECT CASE d.operation WHEN 'create_table' THEN excluded.owner ELSE s.owner END,
          CASE d.operation WHEN 'create_table' THEN excluded.owner_role ELSE s.owner_role END,
          CASE d.operation WHEN 'create_table' THEN excluded.created_at ELSE s.created_at END
        FROM decided AS d
        WHERE d.schema_id = s.id)
  ),
  -- Made again, it has the new fields only.
  fields_gone AS (
    DELETE FROM schemad.schema_fields AS f
    USING decided AS d
    WHERE d.result = 'applied' AND d.operation = 'create_table' AND d.version > 1 AND f.schema_id = d.schema_id
      AND NOT d.registry -> 'added' @> jsonb_build_array(jsonb_build_object('name', f.field_name))
  ),
  fields_added AS (
    INSERT INTO schemad.schema_fields (schema_id, field_name, field_type, is_nullable, default_value, metadata)
    SELECT d.schema_id, f.name, f.type, f.nullable, f."default",
      coalesce(nullif(d.request_payload -> 'fields' -> f.position -> 'metadata', 'null'), '{}')
    FROM decided AS d
    CROSS JOIN LATERAL ROWS FROM (
      jsonb_to_recordset(d.registry -> 'added') AS (name text, type text, nullable boolean, "default" text, position integer)
    ) WITH ORDINALITY AS f (name, type, nullable, "default", position, ordinality)
    WHERE d.result = 'applied' AND d.operation IN ('create_table', 'add_fields')
    ORDER BY d.request_id, f.ordinality
    ON CONFLICT (schema_id, field_name) DO UPDATE
    -- Made again, it is a new field, behind those that were made before it.
    SET id = DEFAULT, created_at = excluded.created_at, field_type = excluded.field_type, is_nullable = excluded.is_nullable,
      default_value = excluded.default_value, metadata = excluded.metadata
  ),
  versioned AS (
    INSERT INTO schemad.schema_versions (schema_id, version, request_id, operation, fields)
    SELECT d.schema_id, d.version, d.request_id, d.operation, d.registry -> 'fields'
    FROM decided AS d
    WHERE d.result = 'applied' AND d.operation NOT IN ('drop_table', 'no_change')
  ),
  audited AS (
    INSERT INTO schemad.schema_changes_audit (schema_id, request_id, change_summary, migration_sql, applied_by)
    SELECT d.schema_id, d.request_id, d.summary, d.plan_sql, d.decided_by
    FROM decided AS d
    WHERE d.result = 'applied'
    ORDER BY d.request_id
  ),
  logged AS (
    INSERT INTO schemad.auto_create_log (schema_name, table_name, action, details)
    SELECT d.schema_name, left(concat_ws('.', policy.table_schema, schemad.fold(d.schema_name)), 255),
      CASE WHEN d.result = 'failed' THEN 'failed'
        WHEN d.result = 'held' OR d.operation = 'no_change' THEN 'skipped' ELSE 'created' END,
      jsonb_strip_nulls(jsonb_build_object('request_id', d.request_id, 'operation', d.operation, 'verdict', d.verdict,
        'findings', d.findings, 'sqlstate', d.error_code, 'error', d.error_message))
    FROM decided AS d
    WHERE d.result <> 'retry'
    ORDER BY d.request_id
  ),
  updated AS (
    UPDATE schemad.schema_requests AS r
    SET status = CASE d.result WHEN 'applied' THEN 'approved' ELSE r.status END,
      processed_at = CASE d.result WHEN 'applied' THEN clock_timestamp() END,
      verdict = CASE d.result WHEN 'retry' THEN NULL WHEN 'failed' THEN 'failed' ELSE d.verdict END,
      -- Put off, an approved request keeps the plan and the findings that the approval is for.
      findings = CASE WHEN d.result = 'retry' AND r.decided_by IS NOT NULL THEN r.findings ELSE d.findings END,
      plan_sql = CASE WHEN d.result = 'retry' AND r.decided_by IS NOT NULL THEN r.plan_sql ELSE d.plan_sql END,
      -- An approval that did not lead to a table lapses, unless the plan that it is for merely failed and can be retried.
      decided_by = CASE WHEN d.result = 'applied' THEN d.decided_by WHEN d.result = 'retry' OR d.is_approved THEN r.decided_by END,
      decision_reason = CASE WHEN d.result = 'applied' THEN d.decision_reason
        WHEN d.result = 'retry' OR d.is_approved THEN r.decision_reason END,
      attempts = r.attempts + CASE WHEN d.result = 'held' OR d.result = 'retry' AND schemad.is_outage(d.error_code) THEN 0 ELSE 1 END,
      next_attempt_at = CASE WHEN d.result <> 'retry' THEN NULL
        WHEN schemad.is_outage(d.error_code) THEN schemad.next_attempt_in_outage(r.created_at)
        ELSE schemad.next_attempt(r.attempts) END,
      last_error = nullif(concat_ws(' ', d.error_code, d.error_message), '')
    FROM decided AS d
    WHERE r.id = d.request_id
    RETURNING r.id, r AS request, d.result
  ),
  told AS (
    INSERT INTO schemad.notifications (user_id, role_name, payload)
    SELECT (u.request).requester_user_id, (u.request).requested_by, jsonb_build_object(
      'request_id', u.id, 'schema_name', (u.request).schema_name, 'status', (u.request).status,
      'verdict', (u.request).verdict, 'message', schemad.request_message(u.request), 'findings', (u.request).findings)
    FROM updated AS u
    WHERE u.result <> 'retry'
    ORDER BY u.id
  )
  SELECT count(pg_notify('schemad_decisions', json_build_object('id', u.id, 'status', (u.request).status)::text))
  INTO told_count
  FROM updated AS u
  WHERE u.result <> 'retry' AND policy.notify;
END
$function$;

COMMENT ON FUNCTION schemad.record_batch(schemad.policy, jsonb, schemad.outcome[]) IS
  'Writes registry, fields, version, audit, log, notification and status for a batch of decisions, in one statement. Internal to the daemon.';
