CREATE OR REPLACE FUNCTION schemad.reference_facts(request_payload jsonb, before_id integer DEFAULT NULL)
RETURNS jsonb
LANGUAGE sql STABLE
SET search_path = pg_catalog, pg_temp
AS $function$
SELECT jsonb_build_object('references', coalesce(jsonb_object_agg(wanted.name,
  CASE WHEN t.oid IS NOT NULL THEN jsonb_build_object(
    'is_managed', coalesce(r.is_active, false),
    'owner_role', r.owner_role,
    'bytes', size.bytes,
    'keys', schemad.key_fields(t.oid)) END), '{}'),
  'awaits_reference', coalesce(bool_or(t.oid IS NULL AND EXISTS (
    SELECT FROM schemad.schema_requests AS q
    WHERE num_nulls(q.processed_at, q.verdict) = 2 AND q.id < before_id
      AND lower(q.schema_name COLLATE "C") = wanted.name COLLATE "C")),
    false))
  -- Said only where it is so: nothing else is then to be decided yet, whatever is known of the table that is asked for.
  || CASE WHEN bool_or(t.oid IS NOT NULL AND r.is_active AND size.bytes IS NULL) THEN '{"is_locked": true}' ELSE '{}' END::jsonb
FROM (
  SELECT DISTINCT schemad.fold(v #>> '{}') AS name
  FROM jsonb_path_query(request_payload, '$.fields[*].references.table ? (@.type() == "string")') AS v
) AS wanted
JOIN schemad.policy AS p ON true
LEFT JOIN pg_namespace AS n ON n.nspname = p.table_schema
LEFT JOIN pg_class AS t ON t.relname = wanted.name AND t.relnamespace = n.oid AND t.relkind = 'r'
LEFT JOIN schemad.schema_registry AS r ON r.name = t.relname
-- Of schemad's own tables only: a key to any other waits for a person, however large it is.
CROSS JOIN LATERAL (SELECT CASE WHEN r.is_active THEN schemad.table_size(t.oid) END AS bytes) AS size
$function$;

COMMENT ON FUNCTION schemad.reference_facts(jsonb, integer) IS
  'What the database holds of the tables that a payload references, null for those that are not there: whether schemad made them, whose they are, their size if so, keys; is_locked where somebody holds one exclusively; and whether one that is not there was asked for earlier and waits in the queue. Internal to the daemon.';
