CREATE OR REPLACE FUNCTION schemad.refuse_false_caller() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  -- Nothing to anybody, but that PostgreSQL refuses it where caller() names a role that has not called: see there.
  UNLISTEN schemad_nobody;
  RETURN NULL;
END
$function$;

COMMENT ON FUNCTION schemad.refuse_false_caller() IS
  'Refuses what the function of an index does in the name of whoever has the index computed, such as by ANALYZE.';
