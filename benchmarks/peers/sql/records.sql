-- The records of a request, a statement each, as a handler writes them that was written plainly.

-- name: register
INSERT INTO app.schema_registry (name, description, owner) VALUES ($1, $2, $3) RETURNING id

-- name: fields
INSERT INTO app.schema_fields (schema_id, field_name, field_type, is_nullable, default_value)
SELECT $1, f.name, f.type, f.nullable, f."default"
FROM jsonb_to_recordset($2::jsonb) AS f (name text, type text, nullable boolean, "default" text)

-- name: version
INSERT INTO app.schema_versions (schema_id, version, request_id, operation, fields)
VALUES ($1, 1, $2, 'create_table', $3::jsonb)

-- name: audit
INSERT INTO app.schema_changes_audit (schema_id, request_id, change_summary, migration_sql, applied_by)
VALUES ($1, $2, $3, $4, 'worker')

-- name: log
INSERT INTO app.auto_create_log (schema_name, table_name, action, details) VALUES ($1, $2, 'created', $3::jsonb)

-- name: notify
INSERT INTO app.notifications (user_id, payload) VALUES ($1, $2::jsonb)

-- name: approve
UPDATE app.schema_requests SET status = 'approved', processed_at = clock_timestamp() WHERE id = $1
