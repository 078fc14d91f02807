CREATE OR REPLACE FUNCTION schemad.record_batch(decisions jsonb, table_schema text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- One plan for one request and for two hundred, that never turns into a scan of the queue.
SET plan_cache_mode = force_generic_plan
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
DECLARE
  told_count integer;
BEGIN
  WITH decided AS MATERIALIZED (
    SELECT (d.value ->> 'request_id')::integer AS request_id, d.value ->> 'result' AS result,
      d.value ->> 'verdict' AS verdict, d.value ->> 'operation' AS operation, d.value -> 'registry' AS registry,
      d.value -> 'findings' || CASE d.value ->> 'result' WHEN 'failed' THEN jsonb_build_array(jsonb_build_object(
        'rule', 'apply.failed', 'severity', 'review', 'field', NULL,
        'message', concat_ws(' ', d.value ->> 'error_message', '(SQLSTATE ' || (d.value ->> 'error_code') || ')'),
        'hint', 'Mend what it names, then schemad.retry_request(' || (d.value ->> 'request_id') || ').'))
        ELSE '[]' END AS findings,
      d.value ->> 'plan_sql' AS plan_sql, d.value ->> 'summary' AS summary, d.value ->> 'decided_by' AS decided_by,
      d.value ->> 'decision_reason' AS decision_reason,
      d.value ->> 'error_code' AS error_code, d.value ->> 'error_message' AS error_message
    FROM jsonb_array_elements(decisions) AS d
  ),

  -- Drops take the registry row away; everything else that was applied writes it.
  removed AS (
    DELETE FROM schemad.schema_registry AS s
    USING decided AS d
    WHERE d.result = 'applied' AND d.operation = 'drop_table' AND s.name = d.registry ->> 'name'
    RETURNING s.id, s.name
  ),
  registered AS (
    INSERT INTO schemad.schema_registry AS s (name, description, owner, owner_role, is_active)
    SELECT d.registry ->> 'name', d.registry ->> 'description', r.requester_user_id, r.requested_by,
      d.operation <> 'deprecate'
    FROM decided AS d
    JOIN schemad.schema_requests AS r ON r.id = d.request_id
    WHERE d.result = 'applied' AND d.operation NOT IN ('drop_table', 'no_change')
    ON CONFLICT (name) DO UPDATE
    SET version = s.version + 1, updated_at = clock_timestamp(),
      description = coalesce(excluded.description, s.description),
      is_active = excluded.is_active
    RETURNING s.id, s.name, s.version
  ),
  fields_added AS (
    INSERT INTO schemad.schema_fields (schema_id, field_name, field_type, is_nullable, default_value, metadata)
    SELECT g.id, f.value ->> 'name', f.value ->> 'type', (f.value ->> 'nullable')::boolean, f.value ->> 'default',
      coalesce(nullif(r.request_payload -> 'fields' -> (f.value ->> 'position')::integer -> 'metadata', 'null'), '{}')
    FROM decided AS d
    JOIN registered AS g ON g.name = d.registry ->> 'name'
    JOIN schemad.schema_requests AS r ON r.id = d.request_id
    CROSS JOIN LATERAL jsonb_array_elements(d.registry -> 'added') WITH ORDINALITY AS f
    WHERE d.result = 'applied'
    ORDER BY d.request_id, f.ordinality
    ON CONFLICT (schema_id, field_name) DO UPDATE
    SET field_type = excluded.field_type, is_nullable = excluded.is_nullable,
      default_value = excluded.default_value, metadata = excluded.metadata
  ),
  versioned AS (
    INSERT INTO schemad.schema_versions (schema_id, version, request_id, operation, fields)
    SELECT g.id, g.version, d.request_id, d.operation, d.registry -> 'fields'
    FROM decided AS d
    JOIN registered AS g ON g.name = d.registry ->> 'name'
    WHERE d.result = 'applied'
  ),
  audited AS (
    INSERT INTO schemad.schema_changes_audit (schema_id, request_id, change_summary, migration_sql, applied_by)
    SELECT coalesce(g.id, x.id, s.id), d.request_id, d.summary, d.plan_sql, d.decided_by
    FROM decided AS d
    LEFT JOIN registered AS g ON g.name = d.registry ->> 'name'
    LEFT JOIN removed AS x ON x.name = d.registry ->> 'name'
    LEFT JOIN schemad.schema_registry AS s ON s.name = d.registry ->> 'name'
    WHERE d.result = 'applied'
    ORDER BY d.request_id
  ),
  logged AS (
    INSERT INTO schemad.auto_create_log (schema_name, table_name, action, details)
    SELECT r.schema_name, left(concat_ws('.', table_schema, schemad.fold(r.schema_name)), 255),
      CASE WHEN d.result = 'failed' THEN 'failed'
        WHEN d.result = 'held' OR d.operation = 'no_change' THEN 'skipped' ELSE 'created' END,
      jsonb_strip_nulls(jsonb_build_object('request_id', d.request_id, 'operation', d.operation, 'verdict', d.verdict,
        'findings', d.findings, 'sqlstate', d.error_code, 'error', d.error_message))
    FROM decided AS d
    JOIN schemad.schema_requests AS r ON r.id = d.request_id
    WHERE d.result <> 'retry'
    ORDER BY d.request_id
  ),
  updated AS (
    UPDATE schemad.schema_requests AS r
    SET status = CASE d.result WHEN 'applied' THEN 'approved' ELSE r.status END,
      processed_at = CASE d.result WHEN 'applied' THEN clock_timestamp() END,
      verdict = CASE d.result WHEN 'retry' THEN NULL WHEN 'failed' THEN 'failed' ELSE d.verdict END,
      findings = d.findings,
      plan_sql = d.plan_sql,
      -- An approval that did not lead to a table lapses, unless the plan merely failed and can be retried.
      decided_by = CASE d.result WHEN 'applied' THEN d.decided_by WHEN 'held' THEN NULL ELSE r.decided_by END,
      decision_reason = CASE d.result WHEN 'applied' THEN d.decision_reason WHEN 'held' THEN NULL ELSE r.decision_reason END,
      attempts = r.attempts + CASE d.result WHEN 'held' THEN 0 ELSE 1 END,
      -- 0.2 s, doubled each time, up to a minute; jittered, so that daemons do not meet again at the same lock.
      next_attempt_at = CASE d.result WHEN 'retry'
        THEN clock_timestamp() + least(0.2 * 2 ^ least(r.attempts, 10), 60) * (0.5 + random()) * interval '1 s' END,
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
  WHERE u.result <> 'retry';
END
$function$;

COMMENT ON FUNCTION schemad.record_batch(jsonb, text) IS
  'Writes registry, fields, version, audit, log, notification and status for a batch of decisions, in one statement. Internal to the daemon.';
