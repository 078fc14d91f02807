CREATE OR REPLACE FUNCTION schemad.is_transient(sqlstate_code text) RETURNS boolean
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
-- Errors of the moment, not of the request (PostgreSQL's Appendix A): lost connection, serialisation and
-- deadlock, lock not available, resources short, operator's intervention, system error, read-only. And a name that was free when it was planned:
-- next time it is seen to be taken.
SELECT left(sqlstate_code, 2) IN ('08', '53', '57', '58')
  OR sqlstate_code IN ('40001', '40003', '40P01', '55P03', '25006', '42P07')
$function$;

COMMENT ON FUNCTION schemad.is_transient(text) IS
  'True for an error that passes by itself: outcome_of() has the request tried again, as often as the policy allows. Internal to the daemon.';
