-- What is there before a step of migrate, for revoke_default_privileges.sql.
DO $remember$
BEGIN
  PERFORM set_config('schemad.objects_before', (
    SELECT coalesce(string_agg(o.id, ' '), '')
    FROM (
      SELECT 'namespace' || n.oid AS id FROM pg_namespace AS n WHERE n.nspname = 'schemad'
      UNION ALL
      SELECT 'class' || c.oid FROM pg_class AS c WHERE c.relnamespace = to_regnamespace('schemad')
      UNION ALL
      SELECT 'proc' || p.oid FROM pg_proc AS p WHERE p.pronamespace = to_regnamespace('schemad')
    ) AS o), true);
END
$remember$;
