CREATE OR REPLACE FUNCTION schemad.disallow_type(type_name text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  known record;
BEGIN
  SELECT s.name, s.built_in INTO known
  FROM schemad.safe_types AS s
  WHERE (s.name = schemad.fold(type_name) OR schemad.fold(type_name) = ANY (s.aliases)) AND NOT s.refused;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'no_data_found', MESSAGE = format('%L is not allowed as it is', type_name),
      HINT = 'SELECT name FROM schemad.safe_types WHERE NOT refused lists those that are.';
  ELSIF known.built_in THEN
    UPDATE schemad.safe_types AS s SET refused = true WHERE s.name = known.name;
  ELSE
    DELETE FROM schemad.safe_types AS s WHERE s.name = known.name;
  END IF;
END
$function$;

COMMENT ON FUNCTION schemad.disallow_type(text) IS
  'Refuses the type from now on. schemad.allow_type() takes that back, and with auto => false has it reviewed instead. Example: SELECT schemad.disallow_type(''bytea'').';
