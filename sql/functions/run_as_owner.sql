CREATE OR REPLACE FUNCTION schemad.run_as_owner(script text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
-- It belongs to the owner of created tables. SET ROLE alone would be no barrier: what runs within, such as a function that
-- a person approved, could RESET ROLE and be the daemon. In a function that is SECURITY DEFINER PostgreSQL refuses that.
BEGIN
  EXECUTE script;
END
$function$;

REVOKE ALL ON FUNCTION schemad.run_as_owner(text) FROM PUBLIC;

COMMENT ON FUNCTION schemad.run_as_owner(text) IS
  'Runs the SQL of a plan as the owner of created tables, with no way back to another role from within. Internal to the daemon.';
