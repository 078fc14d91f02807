-- What became of the requests for tables <$1>_…: applied, failed, anything else, and applied more than once.
SELECT count(*) FILTER (WHERE r.status = 'approved') AS applied,
  count(*) FILTER (WHERE r.status = 'pending' AND r.verdict = 'failed') AS failed,
  count(*) FILTER (WHERE r.status <> 'approved' AND r.verdict IS DISTINCT FROM 'failed') AS others,
  (
    SELECT count(*) - count(DISTINCT a.request_id)
    FROM schemad.schema_changes_audit AS a
    JOIN schemad.schema_requests AS q ON q.id = a.request_id
    WHERE starts_with(q.schema_name, concat($1::text, '_'))
  ) AS again,
  min(coalesce(r.last_error, r.findings ->> 0)) FILTER (WHERE r.status <> 'approved') AS example
FROM schemad.schema_requests AS r
WHERE starts_with(r.schema_name, concat($1::text, '_'))
