CREATE OR REPLACE FUNCTION schemad.fold(given text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
-- By the rules of "C", as Python's side does: other collations make ASCII of the Kelvin sign, or take I for ı.
SELECT lower(given COLLATE "C") COLLATE "default"
$function$;

COMMENT ON FUNCTION schemad.fold(text) IS 'A name as an unquoted identifier in SQL would be: in lower case, ASCII only.';
