CREATE OR REPLACE FUNCTION schemad.refuse_audit_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'object_not_in_prerequisite_state',
    MESSAGE = format('%s refuses %s: rows are only ever added', TG_TABLE_NAME, TG_OP),
    HINT = 'An audit is the record of what was done. Copy rows elsewhere to work on them.';
END
$function$;

COMMENT ON FUNCTION schemad.refuse_audit_change() IS 'Keeps an audit append-only, for every role.';
