-- Which database this is. A standby has the identifier of its primary.
SELECT pg_catalog.current_database() AS name, d.oid, c.system_identifier
FROM pg_catalog.pg_control_system() AS c
CROSS JOIN pg_catalog.pg_database AS d
WHERE d.datname = pg_catalog.current_database()
