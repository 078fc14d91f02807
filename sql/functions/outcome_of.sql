CREATE OR REPLACE FUNCTION schemad.outcome_of(error_code text, decision jsonb, policy schemad.policy) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $function$
SELECT CASE
  -- A statement that was cancelled, most likely for its length: once may be bad luck, and each try holds up the others.
  WHEN error_code = '57014' AND (decision ->> 'attempts')::integer > 0 THEN 'failed'
  WHEN schemad.is_transient(error_code) AND (decision ->> 'attempts')::integer + 1 < policy.max_attempts THEN 'retry'
  ELSE 'failed'
END
$function$;

COMMENT ON FUNCTION schemad.outcome_of(text, jsonb, schemad.policy) IS
  'What an error makes of a request: retry while it may pass and there are attempts left, failed otherwise. Internal to the daemon.';
