-- How many requests have everything: a table, and each record of it as often as it should be.
-- Run with the schema of the records as search_path.
SELECT count(*)
FROM schema_requests AS q
JOIN schema_registry AS r ON r.name = q.schema_name
WHERE q.status = 'approved' AND q.processed_at IS NOT NULL
  AND to_regclass(format('public.%I', r.name)) IS NOT NULL
  AND (SELECT count(*) FROM schema_fields AS f WHERE f.schema_id = r.id) = 5
  AND (SELECT count(*) FROM schema_versions AS v
    WHERE v.schema_id = r.id AND v.request_id = q.id AND jsonb_array_length(v.fields) = 5) = 1
  AND (SELECT count(*) FROM schema_changes_audit AS a
    WHERE a.schema_id = r.id AND a.request_id = q.id AND a.migration_sql LIKE 'CREATE TABLE %') = 1
  AND (SELECT count(*) FROM auto_create_log AS l
    WHERE l.schema_name = r.name AND l.action = 'created' AND (l.details ->> 'request_id')::integer = q.id) = 1
  AND (SELECT count(*) FROM notifications AS n WHERE (n.payload ->> 'request_id')::integer = q.id) = 1
