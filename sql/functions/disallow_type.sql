CREATE OR REPLACE FUNCTION schemad.disallow_type(type_name text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  DELETE FROM schemad.safe_types AS s
  WHERE s.name = schemad.fold(type_name) OR schemad.fold(type_name) = ANY (s.aliases);
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'no_data_found', MESSAGE = format('%L is not allowed as it is', type_name),
      HINT = 'SELECT name FROM schemad.safe_types lists those that are.';
  END IF;
END
$function$;

COMMENT ON FUNCTION schemad.disallow_type(text) IS
  'Refuses the type from now on. schemad.allow_type(name, auto => false) has it reviewed instead. Example: SELECT schemad.disallow_type(''bytea'').';
