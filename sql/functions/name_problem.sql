CREATE OR REPLACE FUNCTION schemad.name_problem(given text) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $function$
SELECT CASE
  WHEN given IS NULL OR given = '' THEN 'name.invalid'
  WHEN schemad.fold(given) !~ '^[a-z_][a-z0-9_]*$' THEN 'name.invalid'
  WHEN octet_length(given) > 63 THEN 'name.too_long'
  WHEN schemad.fold(given) LIKE 'pg\_%' THEN 'name.system'
  WHEN schemad.fold(given) IN ('ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid') THEN 'name.system'
  WHEN schemad.fold(given) = ANY (schemad.reserved_words()) THEN 'name.reserved'
END
$function$;

COMMENT ON FUNCTION schemad.name_problem(text) IS
  'The rule that a table''s or field''s name breaks, or NULL. Names are folded to lower case before they are judged.';
