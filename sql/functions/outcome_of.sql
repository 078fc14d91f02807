CREATE OR REPLACE FUNCTION schemad.outcome_of(error_code text, attempts integer, policy schemad.policy) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
SELECT CASE
  -- However long it lasts: the request has no part in it.
  WHEN schemad.is_outage(error_code) THEN 'retry'
  -- A statement that was cancelled, most likely for its length: once may be bad luck, and each try holds up the others.
  WHEN error_code = '57014' AND attempts > 0 THEN 'failed'
  WHEN schemad.is_transient(error_code) AND attempts + 1 < policy.max_attempts THEN 'retry'
  ELSE 'failed'
END
$function$;

COMMENT ON FUNCTION schemad.outcome_of(text, integer, schemad.policy) IS
  'What an error makes of a request: retry in an outage, and while it may pass and there are attempts left; failed otherwise. Internal to the daemon.';
