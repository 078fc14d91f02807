-- The policy as a person looks at it.
SELECT jsonb_build_object(
  'policy', to_jsonb(p) - 'is_policy',
  'types', (
    SELECT coalesce(jsonb_object_agg(t.name, CASE WHEN t.refused THEN 'refuse' WHEN t.auto THEN 'auto' ELSE 'review' END), '{}')
    FROM schemad.safe_types AS t
  ),
  'protected_tables', (SELECT coalesce(jsonb_object_agg(t.name, t.reason), '{}') FROM schemad.protected_tables AS t),
  'severities', (SELECT coalesce(jsonb_object_agg(s.rule, s.severity), '{}') FROM schemad.rule_severities AS s)
)::text
FROM schemad.policy AS p
