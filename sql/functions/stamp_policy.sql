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
