CREATE OR REPLACE VIEW schemad.created_tables WITH (security_invoker = true) AS
SELECT format('%I.%I', p.table_schema, r.name) AS table_name,
  r.description,
  r.owner AS requester_user_id,
  r.owner_role AS requested_by,
  CASE
    WHEN NOT EXISTS (
      SELECT
      FROM pg_class AS c
      JOIN pg_namespace AS n ON n.oid = c.relnamespace
      WHERE n.nspname = p.table_schema AND c.relname = r.name AND c.relkind = 'r'
    ) THEN 'missing'
    WHEN r.is_active THEN 'active'
    ELSE 'deprecated'
  END AS state,
  r.version,
  (
    SELECT string_agg(
      concat_ws(' ', quote_ident(f.field_name), f.field_type, CASE WHEN NOT f.is_nullable THEN 'NOT NULL' END),
      ', ' ORDER BY f.id)
    FROM schemad.schema_fields AS f
    WHERE f.schema_id = r.id
  ) AS fields,
  r.created_at,
  r.updated_at
FROM schemad.schema_registry AS r
CROSS JOIN schemad.policy AS p
-- Those who may read the audit, reviewers and daemons, see all.
WHERE r.owner_role = (SELECT schemad.caller())
  OR (SELECT has_table_privilege(schemad.caller(), 'schemad.schema_changes_audit', 'SELECT'))
ORDER BY r.name;

COMMENT ON VIEW schemad.created_tables IS
  'The tables that schemad made for your role, and for reviewers and daemons those of all roles. Who else may use a table: \dp in psql.';
COMMENT ON COLUMN schemad.created_tables.table_name IS 'The table, with the database schema it is in.';
COMMENT ON COLUMN schemad.created_tables.description IS 'What it is for, in its requester''s words.';
COMMENT ON COLUMN schemad.created_tables.requester_user_id IS 'Who asked for it, in the application''s own terms.';
COMMENT ON COLUMN schemad.created_tables.requested_by IS 'Database role that asked for it.';
COMMENT ON COLUMN schemad.created_tables.state IS
  'active; deprecated: no further fields until restored; missing: somebody dropped it by hand, and a request for it makes it again.';
COMMENT ON COLUMN schemad.created_tables.version IS 'Counts the applied changes; schema_versions has each.';
COMMENT ON COLUMN schemad.created_tables.fields IS 'Its fields with their types, in the order they were made.';
COMMENT ON COLUMN schemad.created_tables.created_at IS 'When it was made.';
COMMENT ON COLUMN schemad.created_tables.updated_at IS 'When it was last changed by schemad.';
