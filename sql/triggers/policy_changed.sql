CREATE OR REPLACE FUNCTION schemad.stamp_policy() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  NEW.version := OLD.version + 1;
  NEW.changed_at := clock_timestamp();
  NEW.changed_by := schemad.caller();
  RETURN NEW;
END
$function$;

COMMENT ON FUNCTION schemad.stamp_policy() IS 'Counts the changes of the policy, and keeps who made the last one.';

CREATE OR REPLACE TRIGGER stamp_policy
BEFORE UPDATE ON schemad.policy
FOR EACH ROW EXECUTE FUNCTION schemad.stamp_policy();

COMMENT ON TRIGGER stamp_policy ON schemad.policy IS 'A new version for each change.';

CREATE OR REPLACE TRIGGER policy_changed
AFTER INSERT OR UPDATE OR DELETE ON schemad.safe_types
FOR EACH STATEMENT EXECUTE FUNCTION schemad.policy_changed();

COMMENT ON TRIGGER policy_changed ON schemad.safe_types IS 'A new version of the policy.';

CREATE OR REPLACE TRIGGER policy_changed
AFTER INSERT OR UPDATE OR DELETE ON schemad.protected_tables
FOR EACH STATEMENT EXECUTE FUNCTION schemad.policy_changed();

COMMENT ON TRIGGER policy_changed ON schemad.protected_tables IS 'A new version of the policy.';

CREATE OR REPLACE TRIGGER policy_changed
AFTER INSERT OR UPDATE OR DELETE ON schemad.rule_severities
FOR EACH STATEMENT EXECUTE FUNCTION schemad.policy_changed();

COMMENT ON TRIGGER policy_changed ON schemad.rule_severities IS 'A new version of the policy.';

CREATE OR REPLACE TRIGGER wake_daemons
AFTER UPDATE ON schemad.policy
FOR EACH STATEMENT EXECUTE FUNCTION schemad.wake_daemons();

COMMENT ON TRIGGER wake_daemons ON schemad.policy IS 'Daemons follow a new policy at once.';

CREATE OR REPLACE FUNCTION schemad.refuse_policy_removal() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'object_not_in_prerequisite_state',
    MESSAGE = 'the policy can''t be removed: daemons read it',
    HINT = 'Change its settings: SELECT schemad.set_policy(setting, value).';
END
$function$;

COMMENT ON FUNCTION schemad.refuse_policy_removal() IS 'Keeps the one row of the policy.';

CREATE OR REPLACE TRIGGER refuse_policy_removal
BEFORE DELETE ON schemad.policy
FOR EACH STATEMENT EXECUTE FUNCTION schemad.refuse_policy_removal();

COMMENT ON TRIGGER refuse_policy_removal ON schemad.policy IS 'The row stays.';
