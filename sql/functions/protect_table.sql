CREATE OR REPLACE FUNCTION schemad.protect_table(table_name text, reason text DEFAULT NULL) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF coalesce(table_name, '') = '' THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_parameter_value', MESSAGE = 'table_name is empty',
      HINT = 'For example SELECT schemad.protect_table(''orders'', ''billing reads it'').';
  ELSIF schemad.name_problem(table_name) IN ('name.invalid', 'name.too_long') THEN
    RAISE EXCEPTION USING ERRCODE = 'invalid_name',
      MESSAGE = format('%L is not a name that a request could have',
        left(regexp_replace(table_name, '[[:cntrl:]]', '?', 'g'), 80)),
      HINT = 'A name is letters, digits and underscores, not starting with a digit, at most 63 bytes; no schema before it.';
  END IF;
  INSERT INTO schemad.protected_tables AS p (name, reason, added_by)
  VALUES (schemad.fold(table_name), protect_table.reason, schemad.caller())
  ON CONFLICT (name) DO UPDATE SET reason = coalesce(excluded.reason, p.reason);
END
$function$;

COMMENT ON FUNCTION schemad.protect_table(text, text) IS
  'No request may have this name from now on, and none references it without review. Example: SELECT schemad.protect_table(''orders'', ''billing reads it'').';
