CREATE OR REPLACE FUNCTION schemad.reference_difference(proofs jsonb, namespace oid) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
-- Whose a table is was read before it was locked. By now the foreign key is there, and nobody can replace the table.
BEGIN
  RETURN (
    SELECT format('%I is not what was asked for: it references %I, by now a table of role %I', p."table", o.relname, r.owner_role)
    FROM jsonb_to_recordset(proofs) AS p ("table" name, lenient boolean, requested_by name, foreign_keys jsonb)
    JOIN pg_class AS t ON t.relname = p."table" AND t.relnamespace = namespace AND t.relkind = 'r'
    JOIN pg_constraint AS c ON c.conrelid = t.oid AND c.contype = 'f' AND p.foreign_keys ? c.conname::text
    JOIN pg_class AS o ON o.oid = c.confrelid AND o.oid <> t.oid
    JOIN schemad.schema_registry AS r ON r.name = o.relname::text COLLATE "default" -- else its index would not do
    WHERE p.lenient IS NOT TRUE AND r.owner_role <> p.requested_by
    LIMIT 1);
END
$function$;

COMMENT ON FUNCTION schemad.reference_difference(jsonb, oid) IS
  'The first foreign key just made by itself that references another role''s table, in words; NULL: there is none. Internal to the daemon.';
