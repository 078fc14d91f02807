CREATE OR REPLACE FUNCTION schemad.keep_policy_change() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  stamps constant text[] := '{version,changed_at,changed_by}';
  before jsonb := CASE WHEN TG_OP <> 'INSERT' THEN to_jsonb(OLD) END;
  after jsonb := CASE WHEN TG_OP <> 'DELETE' THEN to_jsonb(NEW) END;
BEGIN
  IF TG_OP = 'TRUNCATE' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'feature_not_supported',
      MESSAGE = format('%s can''t be truncated: policy_changes keeps each row', TG_TABLE_NAME),
      HINT = format('DELETE FROM schemad.%I does.', TG_TABLE_NAME);
  END IF;
  -- The version counts changes elsewhere too; those are kept where they are made.
  IF before - stamps IS DISTINCT FROM after - stamps THEN
    INSERT INTO schemad.policy_changes (changed_by, table_name, operation, before, after)
    VALUES (schemad.caller(), TG_TABLE_NAME, lower(TG_OP), before, after);
  END IF;
  RETURN NULL;
END
$function$;

COMMENT ON FUNCTION schemad.keep_policy_change() IS 'Keeps each change of the policy in policy_changes, with who made it.';
