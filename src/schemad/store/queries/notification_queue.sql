-- How full the queue of notifications is, in all of the server. Asking has PostgreSQL give up what everybody has read.
SELECT pg_notification_queue_usage()
