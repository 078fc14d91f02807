CREATE OR REPLACE FUNCTION schemad.pending_request(request_id integer, verb text) RETURNS schemad.schema_requests
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  request schemad.schema_requests;
  caller constant name := schemad.caller();
BEGIN
  -- Nothing to anybody, but that PostgreSQL refuses it where caller() names a role that has not called: see there.
  UNLISTEN schemad_nobody;
  SELECT r.* INTO request FROM schemad.schema_requests AS r WHERE r.id = request_id;
  -- Other roles' requests look as if they were not there, but to reviewers. Nor are they locked, which the daemon passes over.
  IF FOUND AND (caller = request.requested_by OR schemad.may_approve(caller)) THEN
    SELECT r.* INTO request FROM schemad.schema_requests AS r WHERE r.id = request_id FOR UPDATE;
  ELSE
    request := NULL;
  END IF;
  IF request.id IS NULL THEN
    RAISE EXCEPTION USING
      ERRCODE = 'no_data_found',
      MESSAGE = format('there is no request %s', coalesce(request_id::text, 'NULL')),
      HINT = 'schemad.list_requests() shows those that you may see.';
  ELSIF request.status <> 'pending' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'object_not_in_prerequisite_state',
      MESSAGE = format('request %s can''t be %s: it is %s', request_id, verb, request.status),
      DETAIL = schemad.request_message(request),
      HINT = 'Submit a new request.';
  END IF;
  RETURN request;
END
$function$;

COMMENT ON FUNCTION schemad.pending_request(integer, text) IS
  'Locks and returns a request that is pending and the caller''s to decide on; raises when there is none. Internal to the functions that decide.';
