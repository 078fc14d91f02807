-- A listener is idle by nature.
SET idle_session_timeout = 0
