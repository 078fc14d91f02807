CREATE OR REPLACE TRIGGER refuse_audit_change
BEFORE UPDATE OR DELETE OR TRUNCATE ON schemad.schema_changes_audit
FOR EACH STATEMENT EXECUTE FUNCTION schemad.refuse_audit_change();

COMMENT ON TRIGGER refuse_audit_change ON schemad.schema_changes_audit IS 'Rows are only ever added.';
