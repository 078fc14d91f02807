CREATE OR REPLACE FUNCTION schemad.table_facts(table_name text) RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
SELECT jsonb_strip_nulls(jsonb_build_object(
  'relation', t.relkind,
  'type', (
    SELECT y.typtype FROM pg_type AS y
    WHERE y.typnamespace = n.oid AND y.typname = table_name AND y.typrelid = 0 AND y.typelem = 0),
  'is_empty', CASE t.relkind WHEN 'r' THEN pg_relation_size(t.oid) = 0 END,
  'version', r.version,
  'is_active', r.is_active,
  'owner_role', r.owner_role))
  || CASE WHEN r.id IS NULL THEN '{}' ELSE jsonb_build_object(
    'columns', coalesce((
      SELECT jsonb_agg(jsonb_build_object(
        'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'nullable', NOT a.attnotnull) ORDER BY a.attnum)
      FROM pg_attribute AS a
      WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]'),
    'fields', coalesce((
      SELECT jsonb_agg(jsonb_build_object(
        'name', f.field_name, 'type', f.field_type, 'nullable', f.is_nullable, 'default', f.default_value) ORDER BY f.id)
      FROM schemad.schema_fields AS f
      WHERE f.schema_id = r.id), '[]'),
    'primary_key', coalesce((
      SELECT jsonb_agg(a.attname ORDER BY k.position)
      FROM pg_constraint AS c
      CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k (attnum, position)
      JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
      WHERE c.conrelid = t.oid AND c.contype = 'p'), '[]'),
    'derived', coalesce((
      SELECT jsonb_agg(d.name)
      FROM (
        SELECT c.conname AS name FROM pg_constraint AS c WHERE c.conrelid = t.oid
        UNION
        SELECT i.relname FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid WHERE x.indrelid = t.oid
      ) AS d), '[]')) END
FROM schemad.policy AS p
LEFT JOIN pg_namespace AS n ON n.nspname = p.table_schema
LEFT JOIN pg_class AS t ON t.relnamespace = n.oid AND t.relname = table_name
LEFT JOIN schemad.schema_registry AS r ON r.name = table_name
$function$;

COMMENT ON FUNCTION schemad.table_facts(text) IS
  'What the database holds under a name: relation or type of that name, the registry''s version and state, columns, fields, keys. Internal to the daemon.';
