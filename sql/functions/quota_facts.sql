CREATE OR REPLACE FUNCTION schemad.quota_facts(role_name name) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
SELECT jsonb_build_object('quotas_reached', coalesce(jsonb_agg(to_jsonb(q)) FILTER (WHERE q.tables >= q.allowed), '[]'))
FROM schemad.policy AS p
CROSS JOIN LATERAL (
  SELECT 'tables_in_all' AS setting, p.tables_in_all AS allowed, count(*) AS tables
  FROM schemad.schema_registry AS r
  WHERE p.tables_in_all IS NOT NULL AND r.owner_role = role_name
  UNION ALL
  SELECT 'tables_per_day', p.tables_per_day, count(*)
  FROM schemad.schema_registry AS r
  WHERE p.tables_per_day IS NOT NULL AND r.owner_role = role_name
    AND r.created_at > statement_timestamp() - interval '24 hours'
) AS q
$function$;

COMMENT ON FUNCTION schemad.quota_facts(name) IS
  'The quotas that a role has reached, each with what the policy allows and how many tables the role has. Internal to the daemon.';
