-- Requests are judged as if nothing had the name.
CREATE OR REPLACE FUNCTION schemad.table_facts(table_name text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
SELECT '{}'::jsonb
$function$;
