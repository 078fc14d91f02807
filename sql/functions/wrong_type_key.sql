CREATE OR REPLACE FUNCTION schemad.wrong_type_key(field jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
SELECT CASE
  WHEN jsonb_typeof(field -> 'nullable') NOT IN ('boolean', 'null') THEN 'nullable'
  WHEN jsonb_typeof(field -> 'unique') NOT IN ('boolean', 'null') THEN 'unique'
  WHEN jsonb_typeof(field -> 'description') NOT IN ('string', 'null') THEN 'description'
  WHEN jsonb_typeof(field -> 'references') NOT IN ('object', 'null') THEN 'references'
  WHEN jsonb_typeof(field -> 'metadata') NOT IN ('object', 'null') THEN 'metadata'
END
$function$;

COMMENT ON FUNCTION schemad.wrong_type_key(jsonb) IS
  'The first optional key of a field whose value is of another JSON type than it takes, or NULL.';
