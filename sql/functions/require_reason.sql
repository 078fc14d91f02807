CREATE OR REPLACE FUNCTION schemad.require_reason(reason text) RETURNS void
LANGUAGE plpgsql IMMUTABLE
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  IF reason IS NULL OR btrim(reason) = '' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'invalid_parameter_value',
      MESSAGE = 'a decision needs a reason',
      HINT = 'For example reason => ''agreed with the team''. It is kept with the request and in the audit.';
  END IF;
END
$function$;

COMMENT ON FUNCTION schemad.require_reason(text) IS 'Raises when the reason of a decision is empty. Internal to the functions that decide.';
