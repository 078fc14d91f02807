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

CREATE OR REPLACE TRIGGER refuse_audit_change
BEFORE UPDATE OR DELETE OR TRUNCATE ON schemad.schema_changes_audit
FOR EACH STATEMENT EXECUTE FUNCTION schemad.refuse_audit_change();

COMMENT ON TRIGGER refuse_audit_change ON schemad.schema_changes_audit IS 'Rows are only ever added.';

CREATE OR REPLACE TRIGGER refuse_audit_change
BEFORE UPDATE OR DELETE OR TRUNCATE ON schemad.policy_changes
FOR EACH STATEMENT EXECUTE FUNCTION schemad.refuse_audit_change();

COMMENT ON TRIGGER refuse_audit_change ON schemad.policy_changes IS 'Rows are only ever added.';
