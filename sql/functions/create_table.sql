CREATE OR REPLACE PROCEDURE schemad.create_table(
  requester_user_id text,
  schema_name text,
  request_payload jsonb,
  INOUT request_id integer DEFAULT NULL,
  INOUT status text DEFAULT NULL,
  INOUT verdict text DEFAULT NULL,
  INOUT message text DEFAULT NULL
)
LANGUAGE plpgsql
AS $procedure$
-- A procedure that commits can't pin its search_path, so every name here carries its schema.
DECLARE
  request schemad.schema_requests;
BEGIN
  -- Whether a procedure may commit, only trying tells. Where errors are caught it never may: in a transaction block for
  -- the same reason as any function, elsewhere for another one.
  BEGIN
    COMMIT;
  EXCEPTION WHEN invalid_transaction_termination THEN
    IF SQLERRM OPERATOR(pg_catalog.=) schemad.refusal_to_commit() THEN
      RAISE EXCEPTION USING
        ERRCODE = 'active_sql_transaction',
        MESSAGE = 'create_table() commits, so it can''t be called in a transaction block',
        HINT = 'Call schemad.submit_request() there, commit, and then schemad.wait_for_request() with its result.';
    END IF;
  END;

  request_id := schemad.submit_request(requester_user_id, schema_name, request_payload);
  COMMIT;
  -- A wait sees the decision of another session, so it is none where that is off by default.
  SET TRANSACTION ISOLATION LEVEL READ COMMITTED;
  request := schemad.wait_for_request(request_id);
  status := request.status;
  verdict := request.verdict;
  message := schemad.request_message(request);
END
$procedure$;

COMMENT ON PROCEDURE schemad.create_table(text, text, jsonb, integer, text, text, text) IS
  'Submits, commits, and waits up to 10 s for the decision, in one line of psql. Example: CALL schemad.create_table(''me'', ''notes'', ''{"fields": [{"name": "title", "type": "text"}]}''). Not inside a transaction block.';
