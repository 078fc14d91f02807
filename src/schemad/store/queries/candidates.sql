-- Requests that wait to be assessed or, once approved, to be applied; with what the database holds under their names.
-- Nothing is locked here: the claim is made where they are applied, so that no lock waits for this process. Of those for
-- one table only the first comes: what is to be done for the next depends on what becomes of it.
-- $1: how many at most. $2: ids to leave out. $3: tables to leave out.
SELECT r.id,
  r.requester_user_id,
  r.requested_by,
  r.schema_name,
  r.request_payload::text AS payload,
  r.attempts,
  r.decided_by,
  r.decision_reason,
  CASE WHEN r.decided_by IS NOT NULL THEN r.plan_sql END AS approved_sql,
  array(SELECT f.value ->> 'rule' FROM jsonb_array_elements(r.findings) AS f) AS seen_rules,
  (
    schemad.table_facts(schemad.fold(r.schema_name))
    || CASE WHEN r.request_payload @? '$.fields[*].references' THEN schemad.reference_facts(r.request_payload, r.id) ELSE '{}' END
    || CASE WHEN num_nonnulls(p.tables_per_day, p.tables_in_all) > 0
      THEN jsonb_build_object('has_quota', schemad.is_within_quota(r.requested_by, 0)) ELSE '{}' END
  )::text AS facts,
  p.version AS policy_version,
  d.found
FROM schemad.policy AS p
CROSS JOIN LATERAL (
  SELECT q.id, q.found, row_number() OVER (PARTITION BY schemad.fold(r.schema_name) ORDER BY q.id) AS place
  FROM (
    SELECT unnest(i.ids) AS id, cardinality(i.ids) AS found
    FROM schemad.due_requests($1::integer, $2::integer[], $3::text[]) AS i (ids)
  ) AS q
  JOIN schemad.schema_requests AS r ON r.id = q.id
) AS d
JOIN schemad.schema_requests AS r ON r.id = d.id
WHERE d.place = 1
ORDER BY r.id
