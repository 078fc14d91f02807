-- How many sessions clients have in a database.
SELECT count(*)
FROM pg_stat_activity AS a
WHERE a.datname = $1 AND a.backend_type = 'client backend'
