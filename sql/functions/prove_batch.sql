CREATE OR REPLACE FUNCTION schemad.prove_batch(proofs jsonb, policy schemad.policy) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
-- Plans that are kept, and look everything up by index, however small the catalog was when they were made.
SET plan_cache_mode = force_generic_plan
SET jit = off -- disabling a kind of scan makes it dear, which would have each call compiled
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_material = off
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
-- A proof has table, lenient, requested_by, foreign_keys (the names of new ones), columns [{name, type, nullable,
-- generated, default}] (default is null where either will do) and, for a table that was created, primary_key,
-- constraints and indexes (how many).
DECLARE
  namespace constant oid := to_regnamespace(quote_ident(policy.table_schema));
  difference text;
BEGIN
  difference := coalesce(
    schemad.column_difference(proofs, namespace),
    schemad.stranger_used(proofs, namespace),
    schemad.key_difference(proofs, namespace, policy.owner_role),
    CASE WHEN proofs @? '$[*].foreign_keys[*]' THEN schemad.reference_difference(proofs, namespace) END);
  IF difference IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'SD001',
      MESSAGE = difference,
      HINT = 'Nothing was kept of it. An event trigger or an object of a familiar name may have changed the result.';
  END IF;
END
$function$;

COMMENT ON FUNCTION schemad.prove_batch(jsonb, schemad.policy) IS
  'Compares tables that were just made or changed with what was asked for, and raises SD001 at the first difference, so that nothing of it is kept. Internal to the daemon.';
