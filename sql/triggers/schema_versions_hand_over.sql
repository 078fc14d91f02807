CREATE OR REPLACE FUNCTION schemad.hand_over_table() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  UPDATE schemad.schema_registry AS s
  SET owner = r.requester_user_id, owner_role = r.requested_by
  FROM schemad.schema_requests AS r
  WHERE s.id = NEW.schema_id AND r.id = NEW.request_id
    AND (s.owner, s.owner_role) IS DISTINCT FROM (r.requester_user_id, r.requested_by);
  RETURN NULL;
END
$function$;

COMMENT ON FUNCTION schemad.hand_over_table() IS
  'A table that is made again, after somebody dropped it by hand, is a new one: it belongs to the role that asked for it now, which is granted it.';

CREATE OR REPLACE TRIGGER hand_over_table
AFTER INSERT ON schemad.schema_versions
FOR EACH ROW
WHEN (NEW.operation = 'create_table' AND NEW.version > 1)
EXECUTE FUNCTION schemad.hand_over_table();

COMMENT ON TRIGGER hand_over_table ON schemad.schema_versions IS 'Whose a table is that was made again.';
