CREATE OR REPLACE FUNCTION schemad.nth_requests(
  role_name name,
  login name,
  requester_user_id text,
  per_minute integer,
  per_minute_and_user integer
) RETURNS TABLE (rule text, who text, allowed integer, nth timestamptz)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
#variable_conflict use_column
DECLARE
  -- In a variable: a volatile function is compared with every row that there is, not looked up.
  since constant timestamptz := clock_timestamp() - interval '1 minute';
BEGIN
  IF per_minute IS NOT NULL THEN
    RETURN QUERY
    SELECT 'limit.requests_per_minute', 'role ' || role_name, per_minute, r.created_at
    FROM schemad.schema_requests AS r
    WHERE r.requested_by = role_name AND r.created_at > since
    ORDER BY r.created_at DESC OFFSET per_minute - 1 LIMIT 1;
    -- SET ROLE is no way to another allowance.
    RETURN QUERY
    SELECT 'limit.requests_per_minute', 'login ' || login, per_minute, r.created_at
    FROM schemad.schema_requests AS r
    WHERE r.requested_login = login AND r.created_at > since
    ORDER BY r.created_at DESC OFFSET per_minute - 1 LIMIT 1;
  END IF;
  IF per_minute_and_user IS NOT NULL THEN
    RETURN QUERY
    SELECT 'limit.requests_per_minute_and_user', quote_literal(requester_user_id), per_minute_and_user, r.created_at
    FROM schemad.schema_requests AS r
    WHERE r.requested_by = role_name AND r.requester_user_id = nth_requests.requester_user_id
      AND r.created_at > since
    ORDER BY r.created_at DESC OFFSET per_minute_and_user - 1 LIMIT 1;
  END IF;
END
$function$;

COMMENT ON FUNCTION schemad.nth_requests(name, name, text, integer, integer) IS
  'When the n-th latest request of a role, of a login and of a requester of the role was made, for the limits that are not NULL; no row where there are fewer. Internal to the trigger.';
