CREATE OR REPLACE FUNCTION schemad.tell_requester(request_id integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
BEGIN
  INSERT INTO schemad.notifications (user_id, role_name, payload)
  SELECT r.requester_user_id, r.requested_by, jsonb_build_object(
    'request_id', r.id, 'schema_name', r.schema_name, 'status', r.status, 'verdict', r.verdict,
    'message', schemad.request_message(r), 'findings', r.findings)
  FROM schemad.schema_requests AS r
  WHERE r.id = request_id;

  PERFORM pg_notify('schemad_decisions', json_build_object('id', r.id, 'status', r.status)::text)
  FROM schemad.schema_requests AS r
  JOIN schemad.policy AS p ON p.notify
  WHERE r.id = request_id;
END
$function$;

COMMENT ON FUNCTION schemad.tell_requester(integer) IS
  'Leaves a message for the requester and a NOTIFY on schemad_decisions, with id and status only. Internal to the functions that decide.';
