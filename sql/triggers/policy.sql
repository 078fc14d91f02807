CREATE OR REPLACE TRIGGER stamp_policy
BEFORE UPDATE ON schemad.policy
FOR EACH ROW EXECUTE FUNCTION schemad.stamp_policy();

COMMENT ON TRIGGER stamp_policy ON schemad.policy IS 'A new version for each change.';

CREATE OR REPLACE TRIGGER wake_daemons
AFTER UPDATE ON schemad.policy
FOR EACH STATEMENT EXECUTE FUNCTION schemad.wake_daemons();

COMMENT ON TRIGGER wake_daemons ON schemad.policy IS 'Daemons follow a new policy at once.';

CREATE OR REPLACE TRIGGER refuse_policy_removal
BEFORE DELETE ON schemad.policy
FOR EACH STATEMENT EXECUTE FUNCTION schemad.refuse_policy_removal();

COMMENT ON TRIGGER refuse_policy_removal ON schemad.policy IS 'The row stays.';

CREATE OR REPLACE TRIGGER keep_policy_change
AFTER INSERT OR UPDATE OR DELETE ON schemad.policy
FOR EACH ROW EXECUTE FUNCTION schemad.keep_policy_change();

COMMENT ON TRIGGER keep_policy_change ON schemad.policy IS 'Who changed what, in policy_changes.';

CREATE OR REPLACE TRIGGER refuse_truncate
BEFORE TRUNCATE ON schemad.policy
FOR EACH STATEMENT EXECUTE FUNCTION schemad.keep_policy_change();

COMMENT ON TRIGGER refuse_truncate ON schemad.policy IS 'Row by row, so that policy_changes has each.';
