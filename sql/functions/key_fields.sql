CREATE OR REPLACE FUNCTION schemad.key_fields(relation oid) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
SELECT coalesce(jsonb_agg(DISTINCT a.attname), '[]')
FROM pg_index AS i
JOIN pg_attribute AS a ON a.attrelid = i.indrelid AND a.attnum = i.indkey[0]
WHERE i.indrelid = relation AND i.indisunique AND i.indisvalid AND i.indnkeyatts = 1
  AND i.indpred IS NULL AND i.indexprs IS NULL
$function$;

COMMENT ON FUNCTION schemad.key_fields(oid) IS
  'The fields of a table that are a key by themselves, so that a foreign key may point at them. Internal to the daemon.';
