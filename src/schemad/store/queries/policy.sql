-- The policy as one row.
SELECT p.version,
  p.table_schema,
  p.owner_role,
  p.grant_to_requester,
  p.max_fields,
  p.max_indexes,
  array(SELECT t.name FROM schemad.safe_types AS t WHERE t.auto) AS auto_types,
  array(SELECT t.name FROM schemad.protected_tables AS t) AS protected_tables
FROM schemad.policy AS p
