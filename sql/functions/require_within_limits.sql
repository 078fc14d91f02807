CREATE OR REPLACE FUNCTION schemad.require_within_limits(role_name name, requester_user_id text, schema_name text)
RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_variable
DECLARE
  limits record;
  nth timestamptz;
  rule text;
  message text;
  hint text;
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

  -- One after the other for each role, until they commit: what can't be seen can't be counted.
  PERFORM pg_advisory_xact_lock(schemad.lock_key('limits', role_name));

  IF limits.requests_per_minute IS NOT NULL THEN
    SELECT r.created_at INTO nth FROM schemad.schema_requests AS r
    WHERE r.requested_by = role_name
    ORDER BY r.created_at DESC OFFSET limits.requests_per_minute - 1 LIMIT 1;
    IF nth > clock_timestamp() - interval '1 minute' THEN
      rule := 'limit.requests_per_minute';
      message := format('role %s has made %s requests within a minute', role_name, limits.requests_per_minute);
    END IF;
  END IF;
  IF rule IS NULL AND limits.requests_per_minute_and_user IS NOT NULL THEN
    SELECT r.created_at INTO nth FROM schemad.schema_requests AS r
    WHERE r.requested_by = role_name AND r.requester_user_id = requester_user_id
      AND r.created_at > clock_timestamp() - interval '1 minute'
    ORDER BY r.created_at DESC OFFSET limits.requests_per_minute_and_user - 1 LIMIT 1;
    IF FOUND THEN
      rule := 'limit.requests_per_minute_and_user';
      message := format('%L has made %s requests within a minute', requester_user_id, limits.requests_per_minute_and_user);
    END IF;
  END IF;
  IF rule IS NOT NULL THEN
    hint := format('Come back in %s s.', ceil(extract(epoch FROM nth + interval '1 minute' - clock_timestamp())));
  ELSIF limits.pending_requests <= (
    SELECT count(*)
    FROM (
      SELECT FROM schemad.schema_requests AS r
      WHERE r.requested_by = role_name AND r.status = 'pending'
      LIMIT limits.pending_requests
    ) AS pending
  ) THEN
    rule := 'limit.pending_requests';
    message := format('role %s has %s requests pending', role_name, limits.pending_requests);
    hint := 'Come back when some are decided, or withdraw some with schemad.cancel_request().';
  END IF;

  IF rule IS NOT NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'configuration_limit_exceeded',
      MESSAGE = message,
      DETAIL = format('Rule %s, request for table %L.', rule, schema_name),
      HINT = hint;
  END IF;
END
$function$;

COMMENT ON FUNCTION schemad.require_within_limits(name, text, text) IS
  'Raises 53400 when a role, or a requester of it, has asked as often as the policy allows, and says when to come back. Internal to the trigger.';
