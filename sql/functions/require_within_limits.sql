CREATE OR REPLACE FUNCTION schemad.require_within_limits(
  role_name name,
  login name,
  requester_user_id text,
  schema_name text
) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_variable
DECLARE
  limits record;
  reached record;
BEGIN
  SELECT p.requests_per_minute, p.requests_per_minute_and_user, p.pending_requests INTO limits
  FROM schemad.policy AS p;
  IF num_nonnulls(limits.requests_per_minute, limits.requests_per_minute_and_user, limits.pending_requests) = 0 THEN
    RETURN;
  ELSIF current_setting('transaction_isolation') NOT IN ('read committed', 'read uncommitted') THEN
    RAISE EXCEPTION USING
      ERRCODE = 'feature_not_supported',
      MESSAGE = format('a %s transaction can''t see what the limits count', current_setting('transaction_isolation')),
      HINT = 'Submit in a read committed transaction: the policy of this database limits requests.';
  END IF;

  -- One after the other for each role and each login, until they commit: what can't be seen can't be counted. In one
  -- order for all, so that no two wait for each other. By rows that nobody else may lock: the key of an advisory lock
  -- is shown to every login while it is held, and any could take it then and keep it.
  INSERT INTO schemad.turns (purpose, role_name)
  SELECT DISTINCT 'limits', n FROM unnest(ARRAY[role_name, login]) AS n ORDER BY n
  ON CONFLICT DO NOTHING;
  PERFORM FROM schemad.turns AS t
  WHERE t.purpose = 'limits' AND t.role_name IN (role_name, login)
  ORDER BY t.role_name
  FOR UPDATE;

  SELECT l.rule,
    format('%s has made %s requests within a minute', l.who, l.allowed) AS message,
    format('Come back in %s s.', ceil(extract(epoch FROM l.nth + interval '1 minute' - clock_timestamp()))) AS hint
  INTO reached
  FROM schemad.nth_requests(role_name, login, requester_user_id, limits.requests_per_minute,
    limits.requests_per_minute_and_user) AS l
  WHERE l.nth > clock_timestamp() - interval '1 minute'
  ORDER BY l.nth DESC -- the one that keeps it waiting longest: after that it gets through
  LIMIT 1;
  IF NOT FOUND THEN
    SELECT 'limit.pending_requests' AS rule,
      format('%s has %s requests pending', p.who, limits.pending_requests) AS message,
      'Come back when some are decided, or withdraw some with schemad.cancel_request().' AS hint
    INTO reached
    FROM schemad.pending_counts(role_name, login, limits.pending_requests) AS p
    WHERE p.pending >= limits.pending_requests
    LIMIT 1;
  END IF;

  IF FOUND THEN
    RAISE EXCEPTION USING
      ERRCODE = 'configuration_limit_exceeded',
      MESSAGE = reached.message,
      DETAIL = format('Rule %s, request for table %L.', reached.rule, schema_name),
      HINT = reached.hint;
  END IF;
END
$function$;

COMMENT ON FUNCTION schemad.require_within_limits(name, name, text, text) IS
  'Raises 53400 when a role, a login or a requester of the role has asked as often as the policy allows, and says when to come back. Internal to the trigger.';
