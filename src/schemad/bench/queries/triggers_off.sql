-- For rows that are as if they had been there long.
ALTER TABLE schemad.schema_requests DISABLE TRIGGER USER
