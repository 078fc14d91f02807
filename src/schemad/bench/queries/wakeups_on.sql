-- All triggers as they were installed.
ALTER TABLE schemad.schema_requests ENABLE TRIGGER USER
