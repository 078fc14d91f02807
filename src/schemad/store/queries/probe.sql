-- A notification to oneself. A standby refuses it: "cannot execute NOTIFY during recovery" (25006).
SELECT pg_notify($1, '')
