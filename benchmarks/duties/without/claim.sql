-- No request and no name is locked, and nobody looks whether they are as they were read.
CREATE OR REPLACE FUNCTION schemad.claim_batch(policy schemad.policy, decisions jsonb) RETURNS schemad.outcome[]
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $function$
SELECT array_fill(NULL::schemad.outcome, ARRAY[jsonb_array_length(decisions)])
$function$;
