CREATE OR REPLACE FUNCTION schemad.set_policy(setting text, value text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  settable constant text[] := ARRAY['table_schema', 'owner_role', 'grant_to_requester', 'max_fields', 'max_indexes',
    'max_referenced_bytes', 'max_payload_bytes', 'max_attempts', 'requests_per_minute', 'requests_per_minute_and_user',
    'pending_requests', 'tables_per_day', 'tables_in_all', 'allow_self_approval', 'keep_logs', 'keep_delivered',
    'keep_undelivered', 'keep_requests', 'notify'];
BEGIN
  IF setting = ANY (settable) IS NOT TRUE THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('the policy has no setting %L', setting),
      HINT = 'Settings: ' || array_to_string(settable, ', ') || '.';
  END IF;
  IF setting = 'owner_role' AND value IS NOT NULL AND to_regrole(quote_ident(value)) IS NULL
    OR setting = 'table_schema' AND value IS NOT NULL AND to_regnamespace(quote_ident(value)) IS NULL THEN
    RAISE EXCEPTION USING ERRCODE = 'undefined_object', MESSAGE = format('there is no %L to set %s to', value, setting),
      HINT = 'Create it first.';
  END IF;
  -- A superuser may act as any role. A plain UPDATE is refused by the trigger.
  IF setting = 'owner_role' AND (SELECT pg_has_role(value::name, n.nspowner, 'USAGE') FROM pg_namespace AS n WHERE n.nspname = 'schemad')
    OR setting = 'table_schema' AND (value LIKE 'pg\_%' OR value IN ('schemad', 'information_schema')) THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = format('%s can''t be %L', setting, value),
      HINT = concat('Tables go to a schema of their own, neither PostgreSQL''s nor schemad''s, and belong to a role that is no superuser, ',
        'nor may act as the owner of schema schemad: plans run as that one.');
  END IF;
  IF setting = 'grant_to_requester' AND value ~* 'trigger' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'grant_to_requester can''t have TRIGGER',
      HINT = 'A trigger runs as the tables'' owner where a foreign key deletes or updates rows: all tables would be open to whoever asks.';
  END IF;
  BEGIN
    EXECUTE format('UPDATE schemad.policy SET %1$I = CAST(%2$L AS %3$s)', setting, value,
      (SELECT format_type(a.atttypid, a.atttypmod) FROM pg_attribute AS a
       WHERE a.attrelid = 'schemad.policy'::regclass AND a.attname = setting));
  EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN
    RAISE EXCEPTION USING ERRCODE = SQLSTATE, MESSAGE = format('%s can''t be %s', setting, coalesce(quote_literal(value), 'NULL')),
      DETAIL = SQLERRM,
      HINT = (
        SELECT concat_ws(' It has to be so: ', col_description(a.attrelid, a.attnum), (
          SELECT string_agg(pg_get_expr(c.conbin, c.conrelid, true), ' AND ') || '.'
          FROM pg_constraint AS c WHERE c.conrelid = a.attrelid AND c.contype = 'c' AND c.conkey = ARRAY[a.attnum]))
        FROM pg_attribute AS a
        WHERE a.attrelid = 'schemad.policy'::regclass AND a.attname = setting);
  END;
  IF setting = 'owner_role' AND value <> (
    SELECT pg_get_userbyid(p.proowner) FROM pg_proc AS p WHERE p.oid = 'schemad.run_as_owner(text)'::regprocedure) THEN
    RAISE WARNING USING MESSAGE = format(
        'schemad.run_as_owner(text) does not belong to %I: plans with types of your own, or with expressions that a reviewer let through, will fail',
        value),
      HINT = format('As the schema''s owner: ALTER FUNCTION schemad.run_as_owner(text) OWNER TO %I.', value);
  END IF;
END
$function$;

COMMENT ON FUNCTION schemad.set_policy(text, text) IS
  'Changes a setting of the policy; daemons follow at once. Example: SELECT schemad.set_policy(''max_fields'', ''50'').';
