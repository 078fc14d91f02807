-- psql as an application: asks for tables, waits, uses them, and is ready for each way in which it may go wrong.
-- SCHEMAD_DSN names the database; the login needs schemad_requester. Run: psql "$SCHEMAD_DSN" -X -q -f with_psql.sql
\set ON_ERROR_STOP on
\set SHOW_CONTEXT never
\pset format unaligned
\pset tuples_only on
\set tasks '{"fields": [{"name": "title", "type": "text", "nullable": false}, {"name": "done", "type": "boolean", "nullable": false, "default": false}]}'
\set refused '{"fields": [{"name": "title", "type": "varchar(0)"}]}'
\set held '{"fields": [{"name": "owner", "type": "text", "default": {"expression": "current_setting(\'app.user\')"}}]}'
\set failing '{"fields": [{"name": "start", "type": "smallint", "default": {"expression": "99999"}}]}'
\set other '{"fields": [{"name": "note", "type": "text"}]}'

-- Submits a request; where a limit says when to come back, it returns the seconds until then, and no id.
CREATE FUNCTION pg_temp.submit(schema_name text, payload jsonb, OUT request_id integer, OUT seconds integer)
LANGUAGE plpgsql AS $function$
DECLARE
  hint text;
BEGIN
  request_id := schemad.submit_request('psql', schema_name, payload);
EXCEPTION WHEN configuration_limit_exceeded THEN -- SQLSTATE 53400
  GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
  seconds := substring(hint FROM 'Come back in (\d+) s');
  IF seconds IS NULL THEN
    RAISE; -- too many are pending: that does not pass by waiting a moment
  END IF;
  RAISE NOTICE 'limited: %', SQLERRM;
END
$function$;

-- The way it usually goes.
SELECT request_id AS id, seconds IS NOT NULL AS limited, seconds FROM pg_temp.submit('tasks', :'tasks') \gset
\if :limited
  SELECT pg_sleep(:seconds) \g /dev/null
  SELECT schemad.submit_request('psql', 'tasks', :'tasks') AS id \gset
\endif
SELECT r.status || ': ' || schemad.request_message(r) FROM schemad.wait_for_request(:id) AS r;
INSERT INTO tasks (title) VALUES ('write an example');
SELECT 'rows: ' || count(*) FROM tasks;

-- Submitted and waited for in one line; CALL commits in between.
CALL schemad.create_table('psql', 'tasks', :'tasks');

-- What can't be right is an error of the statement: with a rule in its detail, and what would pass in its hint.
\set ON_ERROR_STOP off
SELECT schemad.submit_request('psql', 'refused', :'refused');
\echo refused: :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on

-- What is not low-risk waits for a person: go on without the table, or withdraw the request as here.
SELECT schemad.submit_request('psql', 'held', :'held') AS id \gset
SELECT r.verdict || ': ' || schemad.request_message(r) FROM schemad.wait_for_request(:id) AS r;
SELECT schemad.cancel_request(:id) \g /dev/null

-- Where PostgreSQL refuses the plan nothing is kept of it, and a finding has PostgreSQL's own words.
SELECT schemad.submit_request('psql', 'failing', :'failing') AS id \gset
SELECT r.verdict || ': ' || (r.findings -> 0 ->> 'message') FROM schemad.wait_for_request(:id) AS r;
SELECT schemad.cancel_request(:id) \g /dev/null

-- A key makes it safe to send a request again after a lost connection. For another request it is an error.
SELECT schemad.submit_request('psql', 'tasks', :'tasks', 'psql-1') AS id \gset
SELECT 'same request: ' || (schemad.submit_request('psql', 'tasks', :'tasks', 'psql-1') = :id);
\set ON_ERROR_STOP off
SELECT schemad.submit_request('psql', 'tasks', :'other', 'psql-1');
\echo key reused: :LAST_ERROR_SQLSTATE
\set ON_ERROR_STOP on

-- Is told of the decision: psql prints a notification with the result of the next statement.
LISTEN schemad_decisions;
SELECT schemad.submit_request('psql', 'tasks', :'tasks') AS id \gset
SELECT 'told: ' || r.status FROM schemad.wait_for_request(:id) AS r;
UNLISTEN schemad_decisions;

-- A request is part of the transaction that submits it: rolled back, it was never there.
BEGIN;
INSERT INTO tasks (title) VALUES ('never');
SELECT schemad.submit_request('psql', 'notes', :'other') AS id \gset
ROLLBACK;
SELECT 'after the rollback: ' || count(*) FROM schemad.schema_requests WHERE id = :id;
BEGIN;
SELECT schemad.submit_request('psql', 'notes', :'other') AS id \gset
COMMIT;
SELECT 'after the commit: ' || r.status FROM schemad.wait_for_request(:id) AS r;
