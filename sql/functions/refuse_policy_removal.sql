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
