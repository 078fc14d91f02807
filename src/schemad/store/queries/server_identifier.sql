-- Which server this is. Standbys have that of their primary.
SELECT c.system_identifier
FROM pg_catalog.pg_control_system() AS c
