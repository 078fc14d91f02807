-- What of the policy, and of the role that owns tables, may not be what somebody wants.
SELECT p.notify, p.allow_self_approval, p.max_attempts, p.tables_per_day, p.tables_in_all,
  num_nonnulls(p.requests_per_minute, p.requests_per_minute_and_user, p.pending_requests, p.tables_per_day,
    p.tables_in_all) AS limits_set,
  quote_ident(p.owner_role) AS owner_role,
  coalesce(r.rolsuper, false) AS owner_is_superuser,
  -- Then nothing runs as it; a superuser may act as any role.
  (SELECT pg_has_role(r.oid, n.nspowner, 'USAGE') FROM pg_namespace AS n WHERE n.nspname = 'schemad') IS TRUE
    AS owner_owns_schema,
  coalesce(r.rolcanlogin, false) AS owner_may_log_in,
  EXISTS (SELECT FROM schemad.safe_types AS t WHERE t.auto AND NOT t.refused) AS has_auto_types,
  (
    SELECT string_agg(DISTINCT quote_ident(f.owner_role), ', ')
    FROM (
      SELECT s.owner_role FROM schemad.schema_registry AS s
      GROUP BY s.owner_role HAVING count(*) >= p.tables_in_all
    ) AS f
  ) AS used_up
FROM schemad.policy AS p
LEFT JOIN pg_roles AS r ON r.rolname = p.owner_role
