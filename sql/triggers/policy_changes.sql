CREATE OR REPLACE TRIGGER refuse_audit_change
BEFORE UPDATE OR DELETE OR TRUNCATE ON schemad.policy_changes
FOR EACH STATEMENT EXECUTE FUNCTION schemad.refuse_audit_change();

COMMENT ON TRIGGER refuse_audit_change ON schemad.policy_changes IS 'Rows are only ever added.';
