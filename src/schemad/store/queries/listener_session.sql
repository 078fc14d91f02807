-- A listener is idle by nature; and where its link is dead the server is to notice, as a session that can't be sent to keeps
-- the queue of notifications from being cleared. By SET, as a pooler refuses sessions that begin with settings.
SET idle_session_timeout = 0;
SET tcp_keepalives_idle = 10;
SET tcp_keepalives_interval = 3;
SET tcp_keepalives_count = 3;
SET tcp_user_timeout = '15s'
