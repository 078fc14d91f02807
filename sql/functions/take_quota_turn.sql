CREATE OR REPLACE FUNCTION schemad.take_quota_turn(of_role name) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  lock_timeout constant text := current_setting('lock_timeout');
BEGIN
  IF NOT EXISTS (SELECT FROM schemad.turns AS t WHERE t.purpose = 'quota' AND t.role_name = of_role) THEN
    -- Another one may have inserted it and not committed yet: that one counts. To wait for it would be a deadlock where each
    -- of two daemons waits for a role of the other's. An advisory lock would tell its key to whoever looks.
    BEGIN
      PERFORM set_config('lock_timeout', '1ms', true);
      INSERT INTO schemad.turns (purpose, role_name) VALUES ('quota', of_role) ON CONFLICT DO NOTHING;
      PERFORM set_config('lock_timeout', lock_timeout, true);
    EXCEPTION WHEN lock_not_available THEN
      RETURN false; -- the setting is back by that, too
    END;
  END IF;
  PERFORM FROM schemad.turns AS t WHERE t.purpose = 'quota' AND t.role_name = of_role FOR UPDATE SKIP LOCKED;
  RETURN FOUND;
END
$function$;

COMMENT ON FUNCTION schemad.take_quota_turn(name) IS
  'Whether this transaction, until it ends, is the one that counts a role''s tables for its quota; false where another one does. Internal to the daemon.';
