-- As autovacuum would have long done.
VACUUM (ANALYZE) schemad.schema_requests
