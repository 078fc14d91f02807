-- Lets requests have fields of a type.
SELECT schemad.allow_type($1::text, $2::boolean)
