-- Protects a name.
SELECT schemad.protect_table($1::text, $2::text)
