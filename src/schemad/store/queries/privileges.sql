-- Whether this role may do what the daemon does.
SELECT quote_ident(current_user) AS role,
  quote_ident(p.owner_role) AS owner_role,
  quote_ident(p.table_schema) AS table_schema,
  has_function_privilege('schemad.apply_batch(integer, jsonb)', 'EXECUTE')
    AND has_function_privilege('schemad.keep_watch()', 'EXECUTE')
    AND has_function_privilege('schemad.end_watch()', 'EXECUTE')
    AND has_table_privilege('schemad.schema_changes_audit', 'INSERT') AS may_apply,
  (SELECT pg_has_role(r.oid, 'MEMBER') FROM pg_roles AS r WHERE r.rolname = p.owner_role) IS TRUE AS may_own,
  (
    SELECT has_schema_privilege(r.oid, n.oid, 'CREATE')
    FROM pg_roles AS r, pg_namespace AS n
    WHERE r.rolname = coalesce(p.owner_role, current_user) AND n.nspname = p.table_schema
  ) IS TRUE AS may_create,
  (
    SELECT quote_ident(pg_get_userbyid(f.proowner))
    FROM pg_proc AS f WHERE f.oid = 'schemad.run_as_owner(text)'::regprocedure
  ) AS barrier_owner,
  EXISTS (SELECT FROM pg_namespace AS n WHERE n.nspname = p.table_schema) AS has_schema,
  EXISTS (SELECT FROM pg_roles AS r WHERE r.rolname = p.owner_role) AS has_owner,
  NOT EXISTS (
    SELECT
    FROM pg_roles AS r
    LEFT JOIN pg_namespace AS n ON n.nspname = p.table_schema
    WHERE r.rolname = 'schemad_requester' AND has_schema_privilege(r.oid, n.oid, 'USAGE') IS NOT TRUE
  ) AS requesters_may_use
FROM schemad.policy AS p
