CREATE OR REPLACE TRIGGER policy_changed
AFTER INSERT OR UPDATE OR DELETE ON schemad.safe_types
FOR EACH STATEMENT EXECUTE FUNCTION schemad.policy_changed();

COMMENT ON TRIGGER policy_changed ON schemad.safe_types IS 'A new version of the policy.';

CREATE OR REPLACE TRIGGER keep_policy_change
AFTER INSERT OR UPDATE OR DELETE ON schemad.safe_types
FOR EACH ROW EXECUTE FUNCTION schemad.keep_policy_change();

COMMENT ON TRIGGER keep_policy_change ON schemad.safe_types IS 'Who changed what, in policy_changes.';

CREATE OR REPLACE TRIGGER refuse_truncate
BEFORE TRUNCATE ON schemad.safe_types
FOR EACH STATEMENT EXECUTE FUNCTION schemad.keep_policy_change();

COMMENT ON TRIGGER refuse_truncate ON schemad.safe_types IS 'Row by row, so that policy_changes has each.';
