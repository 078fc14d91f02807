CREATE OR REPLACE FUNCTION schemad.take_quota_turn(of_role name) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  INSERT INTO schemad.turns (purpose, role_name) VALUES ('quota', of_role) ON CONFLICT DO NOTHING;
  PERFORM FROM schemad.turns AS t WHERE t.purpose = 'quota' AND t.role_name = of_role FOR UPDATE SKIP LOCKED;
  RETURN FOUND;
END
$function$;

COMMENT ON FUNCTION schemad.take_quota_turn(name) IS
  'Whether this transaction, until it ends, is the one that counts a role''s tables for its quota; false where another one does. Internal to the daemon.';
