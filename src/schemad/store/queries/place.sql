-- Which database this is.
SELECT d.datname AS name, d.oid
FROM pg_catalog.pg_database AS d
WHERE d.datname = pg_catalog.current_database()
