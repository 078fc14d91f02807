CREATE OR REPLACE FUNCTION schemad.refuse_request_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  RAISE EXCEPTION USING
    ERRCODE = 'object_not_in_prerequisite_state',
    MESSAGE = format('request %s can''t be changed once it is submitted', OLD.id),
    HINT = format('Withdraw it with SELECT schemad.cancel_request(%s) and submit a new one.', OLD.id);
END
$function$;

COMMENT ON FUNCTION schemad.refuse_request_change() IS
  'What was asked for stays as it was assessed, shown to a reviewer and recorded.';
