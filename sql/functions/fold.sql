CREATE OR REPLACE FUNCTION schemad.fold(given text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
-- By the rules of "C", as Python's side does: other collations make ASCII of the Kelvin sign, or take I for ı.
-- Written out, as it becomes part of its caller's query, whose search_path may be any.
SELECT pg_catalog.lower(given COLLATE pg_catalog."C") COLLATE pg_catalog."default"
$function$;

COMMENT ON FUNCTION schemad.fold(text) IS 'A name as an unquoted identifier in SQL would be: in lower case, ASCII only.';
