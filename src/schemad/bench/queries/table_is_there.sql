-- Whether others can see a table of this name.
SELECT EXISTS (SELECT FROM pg_class AS c WHERE c.relname = $1 AND c.relnamespace = 'public'::regnamespace)
