CREATE OR REPLACE FUNCTION schemad.caller() RETURNS name
LANGUAGE sql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog, pg_temp
AS $function$
-- It can be made to name a role that has not called: ANALYZE, CREATE INDEX, REINDEX, REFRESH and autovacuum run the functions
-- of a table's indexes as its owner, and these may call schemad's, while the session is that of whoever began it. That is a
-- security-restricted operation, in which PostgreSQL refuses what would change the session, such as UNLISTEN. So what acts for
-- the caller first runs UNLISTEN on a channel that nobody listens on, which does nothing elsewhere. What only reads can't:
-- no STABLE function may.
SELECT CASE current_setting('role') WHEN 'none' THEN session_user ELSE current_setting('role')::name END
$function$;

COMMENT ON FUNCTION schemad.caller() IS
  'The role that called, also inside SECURITY DEFINER functions, where current_user is their owner. SET ROLE counts, and asks for membership. In the function of an index it is whoever has the index computed, such as by ANALYZE: nothing that acts for a role takes its word there.';
