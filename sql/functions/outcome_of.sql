CREATE OR REPLACE FUNCTION schemad.outcome_of(error_code text, decision jsonb, policy schemad.policy) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
SELECT CASE
  WHEN schemad.is_transient(error_code) AND (decision ->> 'attempts')::integer + 1 < policy.max_attempts THEN 'retry'
  ELSE 'failed'
END
$function$;

COMMENT ON FUNCTION schemad.outcome_of(text, jsonb, schemad.policy) IS
  'What an error makes of a request: retry while it may pass and there are attempts left, failed otherwise. Internal to the daemon.';
