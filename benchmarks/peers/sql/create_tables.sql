-- The same work for tuned handlers: tables and records of one or many requests, in one call and one transaction.
-- Each of `requests` is a job's data with its fields and its DDL. The settings pin the plan that suits one request and
-- many alike, as in schemad's own record_batch().
CREATE FUNCTION app.create_tables(requests jsonb) RETURNS void
LANGUAGE plpgsql
SET plan_cache_mode = force_generic_plan
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
AS $function$
DECLARE
  ddl text;
BEGIN
  FOR ddl IN SELECT r.value ->> 'ddl' FROM jsonb_array_elements(requests) AS r LOOP
    EXECUTE ddl;
  END LOOP;

  WITH asked AS MATERIALIZED (
    SELECT (r.value ->> 'request_id')::integer AS request_id, r.value ->> 'schema_name' AS name,
      r.value ->> 'requester_user_id' AS user_id, r.value #>> '{request_payload,description}' AS description,
      r.value -> 'fields' AS fields, r.value ->> 'ddl' AS ddl
    FROM jsonb_array_elements(requests) AS r
  ),
  registered AS (
    INSERT INTO app.schema_registry (name, description, owner)
    SELECT a.name, a.description, a.user_id FROM asked AS a
    RETURNING id, name
  ),
  fields_added AS (
    INSERT INTO app.schema_fields (schema_id, field_name, field_type, is_nullable, default_value)
    SELECT g.id, f.name, f.type, f.nullable, f."default"
    FROM asked AS a
    JOIN registered AS g ON g.name = a.name
    CROSS JOIN LATERAL jsonb_to_recordset(a.fields) AS f (name text, type text, nullable boolean, "default" text)
  ),
  versioned AS (
    INSERT INTO app.schema_versions (schema_id, version, request_id, operation, fields)
    SELECT g.id, 1, a.request_id, 'create_table', a.fields FROM asked AS a JOIN registered AS g ON g.name = a.name
  ),
  audited AS (
    INSERT INTO app.schema_changes_audit (schema_id, request_id, change_summary, migration_sql, applied_by)
    SELECT g.id, a.request_id, 'created public.' || a.name, a.ddl, 'worker'
    FROM asked AS a
    JOIN registered AS g ON g.name = a.name
  ),
  logged AS (
    INSERT INTO app.auto_create_log (schema_name, table_name, action, details)
    SELECT a.name, 'public.' || a.name, 'created', jsonb_build_object('request_id', a.request_id) FROM asked AS a
  ),
  told AS (
    INSERT INTO app.notifications (user_id, payload)
    SELECT a.user_id,
      jsonb_build_object('request_id', a.request_id, 'schema_name', a.name, 'message', 'created public.' || a.name)
    FROM asked AS a
  )
  UPDATE app.schema_requests AS r
  SET status = 'approved', processed_at = clock_timestamp()
  FROM asked AS a
  WHERE r.id = a.request_id;
END
$function$;
COMMENT ON FUNCTION app.create_tables(jsonb) IS 'Makes the tables of all these requests, and their records.';
