-- How many more sessions this role may have here, by each limit, and how many of a daemon there are.
-- What kind another role's session is of is shown to few; to all, that it has a database and a role, as clients do.
SELECT quote_ident(current_user) AS role,
  quote_ident(d.datname) AS database,
  (
    SELECT current_setting('max_connections')::integer
      - coalesce(current_setting('superuser_reserved_connections')::integer, 0)
      - coalesce(current_setting('reserved_connections', true)::integer, 0)
      - (
        SELECT count(*)
        FROM pg_stat_activity AS a
        WHERE coalesce(a.backend_type = 'client backend', num_nulls(a.datid, a.usesysid) = 0)
      )::integer
  ) AS server_free,
  CASE WHEN r.rolconnlimit >= 0 AND NOT r.rolsuper THEN
    r.rolconnlimit - (SELECT count(*) FROM pg_stat_activity AS a WHERE a.usesysid = r.oid)::integer
  END AS role_free,
  CASE WHEN d.datconnlimit >= 0 AND NOT r.rolsuper THEN
    d.datconnlimit - (SELECT count(*) FROM pg_stat_activity AS a WHERE a.datid = d.oid)::integer
  END AS database_free,
  EXISTS (
    SELECT FROM pg_stat_activity AS a
    WHERE a.datid = d.oid AND a.usesysid = r.oid AND a.application_name = 'schemad worker'
  ) AS has_daemon
FROM pg_roles AS r, pg_database AS d
WHERE r.rolname = current_user AND d.datname = current_database()
