-- Whether a backend may have a statement in hand; where the server keeps no account of that, it may. One's own sessions are
-- shown in full. $1: its process id.
SELECT EXISTS (SELECT FROM pg_stat_activity AS a WHERE a.pid = $1 AND a.state IS DISTINCT FROM 'idle')
