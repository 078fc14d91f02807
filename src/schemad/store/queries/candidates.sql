-- Requests that wait to be assessed or, once approved, to be applied; with what the database holds under their names.
-- Nothing is locked here: the claim is made where they are applied, so that no lock waits for this process.
-- $1: how many at most. $2: ids to leave out.
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
    || CASE WHEN (SELECT num_nonnulls(p.tables_per_day, p.tables_in_all) > 0 FROM schemad.policy AS p)
      THEN schemad.quota_facts(r.requested_by) ELSE '{}' END
  )::text AS facts,
  (SELECT p.version FROM schemad.policy AS p) AS policy_version
FROM schemad.schema_requests AS r
WHERE r.status = 'pending'
  AND r.verdict IS NULL
  AND (r.next_attempt_at IS NULL OR r.next_attempt_at <= clock_timestamp())
  AND r.id <> ALL ($2::integer[])
ORDER BY r.id
LIMIT $1
