CREATE OR REPLACE FUNCTION schemad.table_facts(table_name text) RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
-- Its plans are kept with the session, and most names are new: those cost five look-ups by index.
DECLARE
  namespace oid;
  relation record;
  registered record;
  facts jsonb;
  is_empty boolean;
BEGIN
  SELECT n.oid INTO namespace
  FROM pg_namespace AS n
  WHERE n.nspname = (SELECT p.table_schema FROM schemad.policy AS p);

  SELECT t.oid, t.relkind INTO relation
  FROM pg_class AS t
  WHERE t.relname = table_name::name AND t.relnamespace = namespace;

  SELECT r.id, r.version, r.is_active, r.owner_role INTO registered
  FROM schemad.schema_registry AS r
  WHERE r.name = table_name;

  IF relation.oid IS NULL AND registered.id IS NULL THEN
    RETURN (
      SELECT coalesce(jsonb_object_agg('type', y.typtype), '{}') || schemad.taken_names(table_name, namespace)
      FROM pg_type AS y
      -- Array types too: PostgreSQL would rename another table's to make room.
      WHERE y.typname = table_name::name AND y.typnamespace = namespace AND y.typrelid = 0);
  END IF;

  IF relation.relkind = 'r' THEN
    -- Its size can't be had while somebody holds it exclusively: that is told, so that the queue need not stand
    -- still for one table.
    is_empty := schemad.table_size(relation.oid) = 0;
  END IF;

  facts := jsonb_strip_nulls(jsonb_build_object(
    'relation', relation.relkind,
    'is_empty', is_empty,
    'is_locked', CASE WHEN relation.relkind = 'r' THEN is_empty IS NULL END,
    'schema_id', registered.id,
    'version', registered.version,
    'is_active', registered.is_active,
    'owner_role', registered.owner_role));
  IF registered.id IS NULL THEN
    RETURN facts;
  END IF;

  RETURN facts || schemad.taken_names(table_name, namespace) || jsonb_build_object(
    'columns', coalesce((
      SELECT jsonb_agg(jsonb_build_object(
        'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'nullable', NOT a.attnotnull,
        'numbers_itself', a.attidentity <> '') ORDER BY a.attnum)
      FROM pg_attribute AS a
      WHERE a.attrelid = relation.oid AND a.attnum > 0 AND NOT a.attisdropped), '[]'),
    'fields', coalesce((
      SELECT jsonb_agg(jsonb_build_object(
        'name', f.field_name, 'type', f.field_type, 'nullable', f.is_nullable, 'default', f.default_value) ORDER BY f.id)
      FROM schemad.schema_fields AS f
      WHERE f.schema_id = registered.id), '[]'),
    'keys', schemad.key_fields(relation.oid),
    'primary_key', coalesce((
      SELECT jsonb_agg(a.attname ORDER BY k.position)
      FROM pg_constraint AS c
      CROSS JOIN LATERAL unnest(c.conkey) WITH ORDINALITY AS k (attnum, position)
      JOIN pg_attribute AS a ON a.attrelid = c.conrelid AND a.attnum = k.attnum
      WHERE c.conrelid = relation.oid AND c.contype = 'p'), '[]'),
    'foreign_keys', coalesce((
      SELECT jsonb_object_agg(c.conname, jsonb_build_object(
        'table', CASE t.relnamespace WHEN namespace THEN t.relname::text ELSE t.oid::regclass::text END,
        'of', (
          SELECT o.attname FROM pg_attribute AS o WHERE o.attrelid = c.conrelid AND o.attnum = c.conkey[1]),
        'field', a.attname,
        'on_delete', CASE c.confdeltype
          WHEN 'a' THEN 'no action' WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null' ELSE 'set default'
        END))
      FROM pg_constraint AS c
      JOIN pg_class AS t ON t.oid = c.confrelid
      JOIN pg_attribute AS a ON a.attrelid = c.confrelid AND a.attnum = c.confkey[1]
      WHERE c.conrelid = relation.oid AND c.contype = 'f'), '{}'),
    'derived', coalesce((
      SELECT jsonb_agg(d.name)
      FROM (
        SELECT c.conname AS name FROM pg_constraint AS c WHERE c.conrelid = relation.oid
        UNION
        SELECT i.relname FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid WHERE x.indrelid = relation.oid
      ) AS d), '[]'));
END
$function$;

COMMENT ON FUNCTION schemad.table_facts(text) IS
  'What the database holds under a name: relation or type of that name, the registry''s version and state, columns, fields, keys. Internal to the daemon.';
