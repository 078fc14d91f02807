-- A notification.
SELECT pg_notify($1, $2)
