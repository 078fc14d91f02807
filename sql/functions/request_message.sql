CREATE OR REPLACE FUNCTION schemad.request_message(request schemad.schema_requests) RETURNS text
LANGUAGE plpgsql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF request.status <> 'pending' THEN
    RETURN concat_ws(': ',
      concat_ws(' ', request.status, 'by ' || request.decided_by), nullif(request.decision_reason, ''));
  ELSIF request.verdict IS NULL AND request.decided_by IS NOT NULL THEN
    RETURN format('approved by %s, not yet applied', request.decided_by);
  ELSIF request.verdict IS NULL THEN
    RETURN 'not yet assessed';
  END IF;
  RETURN concat_ws(': ',
    CASE
      WHEN request.verdict = 'failed' THEN 'failed'
      WHEN request.findings @> '[{"severity": "refuse"}]' THEN 'nobody could approve it'
      ELSE 'waits for review'
    END,
    (
      SELECT string_agg(concat_ws(': ', f.value ->> 'field', (f.value ->> 'message') || ' [' || (f.value ->> 'rule') || ']'), '; ')
      FROM jsonb_array_elements(request.findings) AS f
      WHERE f.value ->> 'severity' <> 'warn'
    ));
END
$function$;

COMMENT ON FUNCTION schemad.request_message(schemad.schema_requests) IS
  'What became of a request, in a sentence. Example: SELECT schemad.request_message(r) FROM schemad.schema_requests AS r.';
