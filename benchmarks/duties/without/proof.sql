-- Nothing is compared with what was asked for.
CREATE OR REPLACE FUNCTION schemad.prove_batch(proofs jsonb, policy schemad.policy) RETURNS void
LANGUAGE sql
SET search_path = pg_catalog, pg_temp
AS $function$$function$;
