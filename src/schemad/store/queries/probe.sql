-- A notification to oneself.
SELECT pg_notify($1, '')
