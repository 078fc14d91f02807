-- The policy as one row.
SELECT p.version,
  p.table_schema,
  p.grant_to_requester,
  p.max_fields,
  p.max_indexes,
  p.max_referenced_bytes,
  p.max_attempts,
  array(SELECT t.name FROM schemad.safe_types AS t WHERE t.auto AND NOT t.refused) AS auto_types,
  (
    SELECT coalesce(jsonb_object_agg(t.name, t.catalog_name), '{}')::text
    FROM schemad.safe_types AS t
    WHERE t.catalog_name IS NOT NULL
  ) AS further_types,
  (SELECT coalesce(jsonb_object_agg(s.rule, s.severity), '{}')::text FROM schemad.rule_severities AS s) AS severities,
  array(SELECT t.name FROM schemad.protected_tables AS t) AS protected_tables
FROM schemad.policy AS p
