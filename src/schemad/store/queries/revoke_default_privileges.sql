-- ALTER DEFAULT PRIVILEGES is meant for an application's tables and functions, and covers all that the same login makes:
-- the policy, the queue and run_as_owner() too. What a step has made is given to nobody but by schemad's own grants; what
-- somebody was granted on what was there before stays.
DO $revoke$
DECLARE
  granted record;
BEGIN
  FOR granted IN
    SELECT DISTINCT o.kind, o.name, CASE a.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(a.grantee)) END AS grantee
    FROM (
      SELECT 'namespace' || n.oid AS id, 'SCHEMA' AS kind, n.nspname::text AS name, n.nspowner AS owner, n.nspacl AS acl
      FROM pg_namespace AS n WHERE n.nspname = 'schemad'
      UNION ALL
      SELECT 'class' || c.oid, CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass::text, c.relowner,
        c.relacl
      FROM pg_class AS c WHERE c.relnamespace = to_regnamespace('schemad') AND c.relkind IN ('r', 'v', 'S')
      UNION ALL
      SELECT 'proc' || p.oid, 'ROUTINE', p.oid::regprocedure::text, p.proowner, p.proacl
      FROM pg_proc AS p WHERE p.pronamespace = to_regnamespace('schemad')
    ) AS o
    CROSS JOIN LATERAL aclexplode(o.acl) AS a
    WHERE o.id <> ALL (string_to_array(current_setting('schemad.objects_before'), ' '))
      AND a.grantee <> o.owner
      AND a.grantee NOT IN (
        SELECT r.oid FROM pg_roles AS r
        WHERE r.rolname IN ('schemad_requester', 'schemad_reviewer', 'schemad_daemon', 'schemad_owner'))
  LOOP
    EXECUTE format('REVOKE ALL ON %s %s FROM %s', granted.kind, granted.name, granted.grantee);
  END LOOP;
END
$revoke$;
