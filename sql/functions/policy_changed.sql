CREATE OR REPLACE FUNCTION schemad.policy_changed() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  UPDATE schemad.policy SET version = version + 1;
  RETURN NULL;
END
$function$;

COMMENT ON FUNCTION schemad.policy_changed() IS
  'A change of safe_types, protected_tables or rule_severities is a change of the policy: daemons see its version.';
