-- Requests are judged as if nothing had the name.
CREATE OR REPLACE FUNCTION schemad.table_facts(table_name text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
SELECT '{}'::jsonb
$function$;

CREATE OR REPLACE FUNCTION schemad.unused_names(names text[]) RETURNS text[]
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
SELECT names
$function$;
