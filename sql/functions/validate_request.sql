CREATE OR REPLACE FUNCTION schemad.validate_request() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, pg_temp
AS $function$
DECLARE
  problem record;
BEGIN
  problem := schemad.shape_problem(NEW.requester_user_id, NEW.schema_name, NEW.request_payload);
  IF problem.rule IS NOT NULL THEN
    PERFORM schemad.raise_problem(problem.rule, problem.field, problem.given, NEW.schema_name);
  END IF;

  IF length(NEW.idempotency_key) > 255 THEN
    PERFORM schemad.raise_problem('request.key_too_long', NULL, NULL, NEW.schema_name);
  ELSIF schemad.misleading_character(NEW.idempotency_key) IS NOT NULL THEN
    PERFORM schemad.raise_problem('request.control_character', 'idempotency_key',
      schemad.misleading_character(NEW.idempotency_key), NEW.schema_name);
  END IF;

  IF NEW.status <> 'pending' OR num_nonnulls(NEW.processed_at, NEW.verdict, NEW.plan_sql, NEW.decided_by,
    NEW.decision_reason, NEW.next_attempt_at, NEW.last_error, NEW.retried_at) > 0 OR NEW.attempts <> 0 OR NEW.findings <> '[]' THEN
    RAISE EXCEPTION USING
      ERRCODE = 'insufficient_privilege',
      MESSAGE = 'the outcome of a request can''t be set by whoever asks',
      DETAIL = format('Rule request.outcome_set, request for table %L.', NEW.schema_name),
      HINT = 'Give requester_user_id, schema_name, request_payload and, if you like, idempotency_key.';
  END IF;

  NEW.requested_by := schemad.caller();
  NEW.requested_login := session_user;
  PERFORM schemad.require_within_limits(NEW.requested_by, NEW.requested_login, NEW.requester_user_id, NEW.schema_name);
  NEW.created_at := clock_timestamp();
  RETURN NEW;
END
$function$;

COMMENT ON FUNCTION schemad.validate_request() IS
  'Refuses a request of unsound shape or over the limits, and stamps who asked. It is the same for submit_request() and a plain INSERT.';
