CREATE OR REPLACE FUNCTION schemad.lock_key(purpose text, name text) RETURNS bigint
LANGUAGE plpgsql STABLE SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
-- Any login may take any advisory lock whose key it knows, and would stop whoever needs it. No purpose has a newline.
BEGIN
  RETURN (
    SELECT ('x' || left(encode(sha256(convert_to(concat_ws(E'\n', s.secret, purpose, name), 'UTF8')), 'hex'), 16))::bit(64)::bigint
    FROM schemad.lock_secret AS s);
END
$function$;

COMMENT ON FUNCTION schemad.lock_key(text, text) IS
  'The key of an advisory lock of schemad''s, the same for all sessions, and another in each installation. Internal to the daemon and the trigger.';
