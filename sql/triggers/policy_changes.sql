CREATE OR REPLACE TRIGGER keep_policy_change
AFTER INSERT OR UPDATE OR DELETE ON schemad.policy
FOR EACH ROW EXECUTE FUNCTION schemad.keep_policy_change();

COMMENT ON TRIGGER keep_policy_change ON schemad.policy IS 'Who changed what, in policy_changes.';

CREATE OR REPLACE TRIGGER refuse_truncate
BEFORE TRUNCATE ON schemad.policy
FOR EACH STATEMENT EXECUTE FUNCTION schemad.keep_policy_change();

COMMENT ON TRIGGER refuse_truncate ON schemad.policy IS 'Row by row, so that policy_changes has each.';

CREATE OR REPLACE TRIGGER keep_policy_change
AFTER INSERT OR UPDATE OR DELETE ON schemad.safe_types
FOR EACH ROW EXECUTE FUNCTION schemad.keep_policy_change();

COMMENT ON TRIGGER keep_policy_change ON schemad.safe_types IS 'Who changed what, in policy_changes.';

CREATE OR REPLACE TRIGGER refuse_truncate
BEFORE TRUNCATE ON schemad.safe_types
FOR EACH STATEMENT EXECUTE FUNCTION schemad.keep_policy_change();

COMMENT ON TRIGGER refuse_truncate ON schemad.safe_types IS 'Row by row, so that policy_changes has each.';

CREATE OR REPLACE TRIGGER keep_policy_change
AFTER INSERT OR UPDATE OR DELETE ON schemad.protected_tables
FOR EACH ROW EXECUTE FUNCTION schemad.keep_policy_change();

COMMENT ON TRIGGER keep_policy_change ON schemad.protected_tables IS 'Who changed what, in policy_changes.';

CREATE OR REPLACE TRIGGER refuse_truncate
BEFORE TRUNCATE ON schemad.protected_tables
FOR EACH STATEMENT EXECUTE FUNCTION schemad.keep_policy_change();

COMMENT ON TRIGGER refuse_truncate ON schemad.protected_tables IS 'Row by row, so that policy_changes has each.';

CREATE OR REPLACE TRIGGER keep_policy_change
AFTER INSERT OR UPDATE OR DELETE ON schemad.rule_severities
FOR EACH ROW EXECUTE FUNCTION schemad.keep_policy_change();

COMMENT ON TRIGGER keep_policy_change ON schemad.rule_severities IS 'Who changed what, in policy_changes.';

CREATE OR REPLACE TRIGGER refuse_truncate
BEFORE TRUNCATE ON schemad.rule_severities
FOR EACH STATEMENT EXECUTE FUNCTION schemad.keep_policy_change();

COMMENT ON TRIGGER refuse_truncate ON schemad.rule_severities IS 'Row by row, so that policy_changes has each.';
