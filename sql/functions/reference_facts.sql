CREATE OR REPLACE FUNCTION schemad.reference_facts(request_payload jsonb, before_id integer DEFAULT NULL)
RETURNS jsonb
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog, pg_temp
-- One plan that looks each name up by its key, however few tables there were when it was made.
SET plan_cache_mode = force_generic_plan
SET jit = off -- disabling a kind of scan makes it dear, which would have each call compiled
SET enable_hashjoin = off
SET enable_mergejoin = off
SET enable_seqscan = off
SET enable_bitmapscan = off
AS $function$
DECLARE
  wanted record;
  bytes bigint;
  -- Put together at the end: an object that grows is copied each time.
  names text[] := '{}';
  known jsonb[] := '{}';
  awaits_reference boolean := false;
  is_locked boolean := false;
BEGIN
  FOR wanted IN
    SELECT n.name, t.oid, coalesce(r.is_active, false) AS is_managed, r.owner_role
    FROM (
      SELECT DISTINCT schemad.fold(v #>> '{}') AS name
      FROM jsonb_path_query(request_payload, '$.fields[*].references.table ? (@.type() == "string")') AS v
      LIMIT 100 -- more of them are refused (reference.too_many): looking up 1,600 would keep others waiting
    ) AS n
    LEFT JOIN pg_class AS t
      ON t.relname = n.name AND t.relkind = 'r' AND t.relnamespace = (
        SELECT s.oid FROM pg_namespace AS s WHERE s.nspname = (SELECT p.table_schema FROM schemad.policy AS p))
    -- By the name that was asked for: the catalog's has another collation than the index.
    LEFT JOIN schemad.schema_registry AS r ON r.name = n.name AND t.oid IS NOT NULL
  LOOP
    IF wanted.oid IS NULL THEN
      names := names || wanted.name;
      known := known || 'null'::jsonb;
      awaits_reference := awaits_reference OR EXISTS (
        SELECT FROM schemad.schema_requests AS q
        WHERE num_nulls(q.processed_at, q.verdict) = 2 AND q.id < before_id
          AND lower(q.schema_name COLLATE "C") = wanted.name COLLATE "C");
      CONTINUE;
    END IF;
    bytes := NULL;
    -- Of schemad's own tables only: a key to any other waits for a person, however large it is. One that is locked is
    -- enough to put the request off: a hundred of them shall not keep others waiting.
    IF wanted.is_managed AND NOT is_locked THEN
      bytes := schemad.table_size(wanted.oid);
      is_locked := bytes IS NULL;
    END IF;
    names := names || wanted.name;
    known := known || jsonb_build_object(
      'is_managed', wanted.is_managed, 'owner_role', wanted.owner_role, 'bytes', bytes, 'keys', schemad.key_fields(wanted.oid));
  END LOOP;
  -- Said only where it is so: nothing else is then to be decided yet, whatever is known of the table that is asked for.
  RETURN jsonb_build_object('awaits_reference', awaits_reference, 'references', (
      SELECT coalesce(jsonb_object_agg(k.name, k.facts), '{}')
      FROM ROWS FROM (unnest(names), unnest(known)) AS k (name, facts)))
    || CASE WHEN is_locked THEN '{"is_locked": true}' ELSE '{}' END::jsonb;
END
$function$;

COMMENT ON FUNCTION schemad.reference_facts(jsonb, integer) IS
  'What the database holds of the tables that a payload references, null for those that are not there: whether schemad made them, whose they are, their size if so, keys; is_locked where somebody holds one exclusively; and whether one that is not there was asked for earlier and waits in the queue. Internal to the daemon.';
