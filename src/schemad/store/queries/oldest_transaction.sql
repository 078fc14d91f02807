-- The session of any database whose transaction has been open for longest, of those whose times this role is shown.
SELECT a.pid, coalesce(nullif(a.application_name, ''), 'unnamed') AS application_name,
  extract(EPOCH FROM clock_timestamp() - a.xact_start)::double precision AS seconds
FROM pg_stat_activity AS a
WHERE a.backend_type = 'client backend' AND a.xact_start IS NOT NULL AND a.pid <> pg_backend_pid()
ORDER BY a.xact_start
LIMIT 1
