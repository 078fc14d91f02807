-- The fields of a table that schemad made.
SELECT d.field_name, d.field_type, d.is_nullable, d.default_value, d.description, d.metadata, d.version, d.state
FROM schemad.describe_schema($1::text) AS d
