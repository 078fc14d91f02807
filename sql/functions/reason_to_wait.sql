CREATE OR REPLACE FUNCTION schemad.reason_to_wait(decision jsonb, policy schemad.policy, made_now integer) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
-- Each lock is taken in a statement of its own: only the next one sees what its last holder has committed.
DECLARE
  free boolean;
BEGIN
  -- pg_locks shows the key to everybody while it is held: with the version in it, nobody needs that key again.
  free := pg_try_advisory_xact_lock(
    schemad.lock_key('table', concat_ws(' ', decision #>> '{registry,name}', decision ->> 'expected_version')));
  IF NOT free OR (SELECT r.version FROM schemad.schema_registry AS r WHERE r.name = decision #>> '{registry,name}')
    IS DISTINCT FROM (decision ->> 'expected_version')::integer THEN
    RETURN 'stale';
  END IF;

  -- Over the quota, it is assessed anew, and held. Daemons count one after the other.
  IF decision ->> 'operation' = 'create_table' AND decision ->> 'decided_by' = 'schemad'
    AND num_nonnulls(policy.tables_per_day, policy.tables_in_all) > 0 THEN
    free := pg_try_advisory_xact_lock(schemad.lock_key('quota', decision ->> 'requested_by'));
    IF NOT free OR NOT schemad.is_within_quota(decision ->> 'requested_by', made_now) THEN
      RETURN 'stale';
    END IF;
  END IF;
  RETURN NULL;
END
$function$;

COMMENT ON FUNCTION schemad.reason_to_wait(jsonb, schemad.policy, integer) IS
  'stale where the table or the role''s quota changed since a plan was made, or another daemon works on them; NULL where it may run. made_now: tables that this batch has made for the role. Internal to the daemon.';
