-- The session in which the daemon on this database listens, once it has nothing to do there.
SELECT a.pid
FROM pg_stat_activity AS a
WHERE a.datname = current_database() AND a.application_name = 'schemad listener' AND a.state = 'idle'
