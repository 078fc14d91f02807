CREATE OR REPLACE FUNCTION schemad.describe_schema(schema_name text)
RETURNS TABLE (
  field_name text,
  field_type text,
  is_nullable boolean,
  default_value text,
  description text,
  metadata jsonb,
  version integer,
  state text
)
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_column
BEGIN
  RETURN QUERY
  SELECT f.field_name::text, f.field_type::text, f.is_nullable, f.default_value,
    col_description(t.oid, a.attnum), f.metadata, r.version,
    CASE WHEN t.oid IS NULL THEN 'missing' WHEN r.is_active THEN 'active' ELSE 'deprecated' END
  FROM schemad.schema_registry AS r
  JOIN schemad.schema_fields AS f ON f.schema_id = r.id
  CROSS JOIN schemad.policy AS p
  LEFT JOIN pg_namespace AS n ON n.nspname = p.table_schema
  LEFT JOIN pg_class AS t ON t.relnamespace = n.oid AND t.relname = r.name AND t.relkind = 'r'
  LEFT JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attname = f.field_name AND NOT a.attisdropped
  WHERE r.name = schemad.fold(describe_schema.schema_name)
  ORDER BY f.id;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'no_data_found',
      MESSAGE = format('schemad has no table %L', describe_schema.schema_name),
      HINT = coalesce(
        (
          SELECT format('Names are without a schema: %L.', r.name)
          FROM schemad.schema_registry AS r
          WHERE r.name = schemad.fold(substring(describe_schema.schema_name FROM '[.](.*)'))
        ),
        'SELECT name FROM schemad.schema_registry lists the tables that it has made.');
  END IF;
END
$function$;

COMMENT ON FUNCTION schemad.describe_schema(text) IS
  'The fields of a table that schemad made, with its version and state (active, deprecated, missing). Example: SELECT * FROM schemad.describe_schema(''notes'').';
