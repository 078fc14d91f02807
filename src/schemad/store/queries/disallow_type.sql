-- Refuses a type.
SELECT schemad.disallow_type($1::text)
