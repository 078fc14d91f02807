-- The oldest request that waits.
SELECT r.id, r.schema_name
FROM schemad.schema_requests AS r
WHERE r.status = 'pending' AND r.verdict IS NULL
ORDER BY r.id
LIMIT 1
FOR UPDATE SKIP LOCKED;

INSERT INTO schemad.schema_registry (name, owner, owner_role)
SELECT r.schema_name, r.requester_user_id, r.requested_by
FROM schemad.schema_requests AS r
WHERE r.id = $1
RETURNING id;

INSERT INTO schemad.schema_fields (schema_id, field_name, field_type, is_nullable, default_value)
VALUES ($1, $2, $3, true, $4);

INSERT INTO schemad.schema_versions (schema_id, version, request_id, operation, fields)
SELECT s.id, 1, r.id, 'create_table', r.request_payload -> 'fields'
FROM schemad.schema_requests AS r
JOIN schemad.schema_registry AS s ON s.name = r.schema_name
WHERE r.id = $1;

INSERT INTO schemad.schema_changes_audit (schema_id, request_id, change_summary, migration_sql, applied_by)
SELECT s.id, r.id, 'created ' || r.schema_name, 'CREATE TABLE', 'naive'
FROM schemad.schema_requests AS r
JOIN schemad.schema_registry AS s ON s.name = r.schema_name
WHERE r.id = $1;

INSERT INTO schemad.auto_create_log (schema_name, table_name, action, details)
SELECT r.schema_name, 'public.' || r.schema_name, 'created', jsonb_build_object('request_id', r.id)
FROM schemad.schema_requests AS r
WHERE r.id = $1;

INSERT INTO schemad.notifications (user_id, role_name, payload)
SELECT r.requester_user_id, r.requested_by, jsonb_build_object('request_id', r.id, 'status', 'approved')
FROM schemad.schema_requests AS r
WHERE r.id = $1;

UPDATE schemad.schema_requests
SET status = 'approved', verdict = 'auto', processed_at = clock_timestamp(), attempts = 1, decided_by = 'naive'
WHERE id = $1;

SELECT pg_notify('schemad_decisions', json_build_object('id', $1::integer, 'status', 'approved')::text)
