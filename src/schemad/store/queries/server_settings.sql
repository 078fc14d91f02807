-- Settings of the server as this session has them.
-- $1: their names.
SELECT s.name, s.setting AS value, coalesce(s.unit, '') AS unit, s.source,
  quote_ident(current_user) AS role,
  quote_ident(current_database()) AS database
FROM pg_settings AS s
WHERE s.name = ANY ($1::text[])
