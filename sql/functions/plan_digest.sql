CREATE OR REPLACE FUNCTION schemad.plan_digest(request schemad.schema_requests) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog, pg_temp
AS $function$
SELECT left(encode(sha256(convert_to(concat(f.rules, E'\n', request.plan_sql), 'UTF8')), 'hex'), 32)
FROM (
  SELECT string_agg(DISTINCT e.value ->> 'rule', ' ' ORDER BY e.value ->> 'rule') AS rules
  FROM jsonb_array_elements(request.findings) AS e
) AS f
WHERE request.plan_sql IS NOT NULL
$function$;

COMMENT ON FUNCTION schemad.plan_digest(schemad.schema_requests) IS
  '32 digits that stand for the plan of a request and the rules of its findings: the same for the same, so that an approval can say what it is for; NULL where there is no plan. Example: SELECT schemad.plan_digest(r) FROM schemad.schema_requests AS r.';
