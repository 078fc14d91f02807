CREATE OR REPLACE FUNCTION schemad.is_within_quota(role_name text, made_now integer) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
SELECT (p.tables_in_all IS NULL OR made_now < p.tables_in_all - (
    SELECT count(*) FROM schemad.schema_registry AS r WHERE r.owner_role = role_name::name))
  AND (p.tables_per_day IS NULL OR made_now < p.tables_per_day - (
    SELECT count(*) FROM schemad.schema_registry AS r
    WHERE r.owner_role = role_name::name AND r.created_at > statement_timestamp() - interval '24 hours'))
FROM schemad.policy AS p
$function$;

COMMENT ON FUNCTION schemad.is_within_quota(text, integer) IS
  'Whether a role may have another table by itself, with those that were made just now and are not registered yet. Internal to the daemon.';
