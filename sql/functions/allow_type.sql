CREATE OR REPLACE FUNCTION schemad.allow_type(type_name text, auto boolean DEFAULT true) RETURNS void
LANGUAGE plpgsql
AS $function$
-- Looks the type up as its caller would, by the caller's search_path, and does nothing else by it: an operator that
-- somebody planted in public, and that suits better than PostgreSQL's own, would run as whoever may change the policy.
BEGIN
  PERFORM schemad.allow_found_type(type_name, pg_catalog.to_regtype(type_name), auto);
END
$function$;

COMMENT ON FUNCTION schemad.allow_type(text, boolean) IS
  'Lets requests have fields of this type: by themselves, or after review with auto => false. Extension types, enums and domains too. Example: SELECT schemad.allow_type(''citext'').';
