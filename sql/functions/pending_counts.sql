CREATE OR REPLACE FUNCTION schemad.pending_counts(role_name name, login name, enough integer)
RETURNS TABLE (who text, pending bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF enough IS NULL THEN
    RETURN;
  END IF;
  RETURN QUERY
  SELECT 'role ' || role_name, count(*)
  FROM (
    SELECT FROM schemad.schema_requests AS r WHERE r.requested_by = role_name AND r.status = 'pending' AND r.processed_at IS NULL LIMIT enough
  ) AS found;
  RETURN QUERY
  SELECT 'login ' || login, count(*)
  FROM (
    SELECT FROM schemad.schema_requests AS r WHERE r.requested_login = login AND num_nonnulls(r.processed_at) = 0 LIMIT enough
  ) AS found;
END
$function$;

COMMENT ON FUNCTION schemad.pending_counts(name, name, integer) IS
  'How many requests of a role and of a login are pending, counted no further than is enough; no row where that is NULL. Internal to the trigger.';
