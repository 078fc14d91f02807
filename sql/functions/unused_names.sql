CREATE OR REPLACE FUNCTION schemad.unused_names(names text[]) RETURNS text[]
LANGUAGE plpgsql STABLE
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
-- In one query for all of them. Whether one is used otherwise than here, table_facts() and taken_names() tell.
DECLARE
  namespace oid;
BEGIN
  SELECT n.oid INTO namespace
  FROM pg_namespace AS n
  WHERE n.nspname = (SELECT p.table_schema FROM schemad.policy AS p);

  RETURN array(
    SELECT w.name
    FROM unnest(names) AS w (name)
    CROSS JOIN LATERAL (SELECT left(w.name || '_', 48)::name AS first) AS k -- as taken_names() has it
    -- For each name by itself: joined, the registry could be read as a whole, which a plan made while it is empty takes for free.
    WHERE (SELECT r.id FROM schemad.schema_registry AS r WHERE r.name = w.name) IS NULL
      AND NOT EXISTS (SELECT FROM pg_class AS t WHERE t.relname = w.name::name AND t.relnamespace = namespace)
      AND NOT EXISTS (SELECT FROM pg_type AS y WHERE y.typname = w.name::name AND y.typnamespace = namespace)
      AND NOT EXISTS (
        SELECT FROM pg_class AS c
        WHERE c.relname >= k.first AND c.relname < (left(k.first, -1) || chr(ascii(right(k.first, 1)) + 1))::name
          AND c.relnamespace = namespace));
END
$function$;

COMMENT ON FUNCTION schemad.unused_names(text[]) IS
  'Those of some names that nothing has, so that table_facts() would have nothing to tell of them. Internal to the daemon.';
