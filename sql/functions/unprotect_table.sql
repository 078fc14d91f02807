CREATE OR REPLACE FUNCTION schemad.unprotect_table(table_name text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  DELETE FROM schemad.protected_tables AS p WHERE p.name = schemad.fold(table_name);
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'no_data_found', MESSAGE = format('%L is not protected', table_name),
      HINT = 'SELECT name FROM schemad.protected_tables lists those that are.';
  END IF;
END
$function$;

COMMENT ON FUNCTION schemad.unprotect_table(text) IS
  'Takes a name off the protected tables. Example: SELECT schemad.unprotect_table(''orders'').';
