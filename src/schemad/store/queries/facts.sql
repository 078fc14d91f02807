-- What the database holds under a name, and of the tables that a payload references. $1: name. $2: payload.
SELECT (
  schemad.table_facts(schemad.fold($1::text))
  || CASE WHEN $2::jsonb @? '$.fields[*].references' THEN schemad.reference_facts($2::jsonb) ELSE '{}' END
  || schemad.quota_facts(current_user)
)::text
