-- A listener is idle by nature. By SET, as a pooler refuses to start sessions with settings that it does not know.
SET idle_session_timeout = 0
