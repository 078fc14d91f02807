-- How many tables of the backlog are there.
SELECT count(*) FROM pg_class
WHERE relname LIKE 'backlog\_%' AND relkind = 'r' AND relnamespace = 'public'::regnamespace
