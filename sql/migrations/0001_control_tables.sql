-- The control tables: what was asked for, what became of it, and what exists because of it.
-- Identity columns stand where the specification says SERIAL: the same integers, and nobody can set them.

CREATE SCHEMA schemad;
COMMENT ON SCHEMA schemad IS
  'Applications ask for tables here; the schemad daemon creates what is low-risk. Start with: \df+ schemad.*';
REVOKE ALL ON SCHEMA schemad FROM PUBLIC;

CREATE TABLE schemad.migrations (
  file text PRIMARY KEY,
  checksum text NOT NULL,
  applied_at timestamptz NOT NULL DEFAULT now(),
  applied_by text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE schemad.migrations IS
  'Which SQL files made this schema: migrations once each, functions, triggers and views in their present form.';
COMMENT ON COLUMN schemad.migrations.file IS 'Path below sql/, such as migrations/0001_control_tables.sql.';
COMMENT ON COLUMN schemad.migrations.checksum IS 'SHA-256 of the file as it was applied, in hexadecimal.';
COMMENT ON COLUMN schemad.migrations.applied_at IS 'When it was applied (last, for what is re-applied).';
COMMENT ON COLUMN schemad.migrations.applied_by IS 'The login that ran schemad migrate.';

CREATE TABLE schemad.lock_secret (
  is_secret boolean PRIMARY KEY DEFAULT true CHECK (is_secret),
  secret text NOT NULL DEFAULT concat(gen_random_uuid(), gen_random_uuid())
);
COMMENT ON TABLE schemad.lock_secret IS
  'One row, which nobody is granted: with it lock_key() makes keys of advisory locks that no other login can guess.';
COMMENT ON COLUMN schemad.lock_secret.is_secret IS 'Always true, so that there is one row.';
COMMENT ON COLUMN schemad.lock_secret.secret IS '244 random bits, made when schemad was installed.';
INSERT INTO schemad.lock_secret DEFAULT VALUES;

CREATE TABLE schemad.turns (
  purpose text NOT NULL CHECK (purpose IN ('limits', 'quota')),
  role_name name NOT NULL,
  PRIMARY KEY (purpose, role_name)
);
COMMENT ON TABLE schemad.turns IS
  'One row for each role whose requests or tables were counted: locked while that is done, by one transaction at a time. Nobody is granted it, so that no other login can lock a row.';
COMMENT ON COLUMN schemad.turns.purpose IS 'limits: at submit; quota: where a daemon makes tables.';
COMMENT ON COLUMN schemad.turns.role_name IS 'A role or a login.';

CREATE TABLE schemad.schema_registry (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name varchar(255) NOT NULL UNIQUE,
  description text,
  owner varchar(255),
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  owner_role name NOT NULL,
  version integer NOT NULL DEFAULT 1 CHECK (version > 0)
);
CREATE INDEX schema_registry_owner_role ON schemad.schema_registry (owner_role, created_at);
COMMENT ON TABLE schemad.schema_registry IS 'The tables that schemad made and looks after, one row each.';
COMMENT ON COLUMN schemad.schema_registry.id IS
  'Number of the table: schema_id elsewhere. After a request that dropped it, the next one of that name has another.';
COMMENT ON COLUMN schemad.schema_registry.name IS 'Name of the table, in lower case.';
COMMENT ON COLUMN schemad.schema_registry.description IS 'What the table is for, in its requester''s words.';
COMMENT ON COLUMN schemad.schema_registry.owner IS 'requester_user_id of the request that created the table, or last had it made again.';
COMMENT ON COLUMN schemad.schema_registry.is_active IS 'False once deprecated: no further fields until restored.';
COMMENT ON COLUMN schemad.schema_registry.created_at IS 'When it was made, or last made again.';
COMMENT ON COLUMN schemad.schema_registry.updated_at IS 'When schemad last changed it.';
COMMENT ON COLUMN schemad.schema_registry.owner_role IS
  'Database role that asked for the table, or last had it made again. A request for it from another role waits for review.';
COMMENT ON COLUMN schemad.schema_registry.version IS 'Counts the applied changes; schema_versions has each.';

CREATE TABLE schemad.schema_fields (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  schema_id integer NOT NULL REFERENCES schemad.schema_registry (id) ON DELETE CASCADE,
  field_name varchar(255) NOT NULL,
  field_type varchar(64) NOT NULL,
  is_nullable boolean NOT NULL DEFAULT true,
  default_value text,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now(),
  UNIQUE (schema_id, field_name)
);
COMMENT ON TABLE schemad.schema_fields IS 'The fields of each registered table, in the order they were made.';
COMMENT ON COLUMN schemad.schema_fields.id IS 'Grows in the order in which fields were made.';
COMMENT ON COLUMN schemad.schema_fields.schema_id IS 'schema_registry.id of the table.';
COMMENT ON COLUMN schemad.schema_fields.field_name IS 'Name of the field, in lower case.';
COMMENT ON COLUMN schemad.schema_fields.field_type IS 'The type as PostgreSQL writes it, such as varchar(255).';
COMMENT ON COLUMN schemad.schema_fields.is_nullable IS 'Whether it may be NULL.';
COMMENT ON COLUMN schemad.schema_fields.default_value IS 'The default as SQL, or NULL.';
COMMENT ON COLUMN schemad.schema_fields.metadata IS 'The requester''s own notes on the field; schemad only keeps them.';
COMMENT ON COLUMN schemad.schema_fields.created_at IS 'When the field was made.';

CREATE TABLE schemad.schema_versions (
  schema_id integer NOT NULL REFERENCES schemad.schema_registry (id) ON DELETE CASCADE,
  version integer NOT NULL,
  request_id integer,
  operation text NOT NULL,
  fields jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (schema_id, version)
);
COMMENT ON TABLE schemad.schema_versions IS 'Each applied change of a table, numbered, with the fields it then had.';
COMMENT ON COLUMN schemad.schema_versions.schema_id IS 'schema_registry.id of the table.';
COMMENT ON COLUMN schemad.schema_versions.version IS '1, 2 and so on, for each table.';
COMMENT ON COLUMN schemad.schema_versions.request_id IS 'schema_requests.id of the request that was applied, kept after that is pruned.';
COMMENT ON COLUMN schemad.schema_versions.operation IS
  'create_table, add_fields, deprecate or restore. A drop takes the versions away; the audit keeps it.';
COMMENT ON COLUMN schemad.schema_versions.fields IS 'All fields after the change, each with name, type and nullability.';
COMMENT ON COLUMN schemad.schema_versions.created_at IS 'When it was applied.';

CREATE TABLE schemad.schema_requests (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  requester_user_id varchar(255) NOT NULL,
  schema_name varchar(255) NOT NULL,
  request_payload jsonb NOT NULL,
  status varchar(50) NOT NULL DEFAULT 'pending'
    CHECK (status IN ('pending', 'approved', 'rejected', 'cancelled')),
  created_at timestamptz NOT NULL DEFAULT now(),
  processed_at timestamptz,
  verdict text CHECK (verdict IN ('auto', 'review', 'failed')),
  findings jsonb NOT NULL DEFAULT '[]',
  plan_sql text,
  requested_by name NOT NULL DEFAULT current_user,
  requested_login name NOT NULL DEFAULT session_user,
  decided_by text,
  decision_reason text,
  idempotency_key text,
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  last_error text,
  retried_at timestamptz,
  UNIQUE (requested_by, idempotency_key),
  CONSTRAINT processed_once_decided CHECK ((status = 'pending') = (processed_at IS NULL))
);
COMMENT ON TABLE schemad.schema_requests IS
  'Requests for tables and fields, and the queue of the daemon. INSERT requester_user_id, schema_name and request_payload, or call schemad.submit_request().';
COMMENT ON COLUMN schemad.schema_requests.id IS 'Number of the request: for wait_for_request(id), approve_request(id, …) and the like.';
COMMENT ON COLUMN schemad.schema_requests.requester_user_id IS 'Who asks, in the application''s own terms.';
COMMENT ON COLUMN schemad.schema_requests.schema_name IS 'Name of the table that should exist.';
COMMENT ON COLUMN schemad.schema_requests.request_payload IS
  'What the table should have: {"description": "…", "fields": [{"name": "…", "type": "…"}]}.';
COMMENT ON COLUMN schemad.schema_requests.status IS
  'pending until decided; approved: applied; rejected: by a reviewer; cancelled: withdrawn.';
COMMENT ON COLUMN schemad.schema_requests.created_at IS 'When it was submitted; set by a trigger.';
COMMENT ON COLUMN schemad.schema_requests.processed_at IS 'When it became approved, rejected or cancelled.';
COMMENT ON COLUMN schemad.schema_requests.verdict IS
  'NULL: not yet assessed. auto: low-risk, applied by itself (with status approved). review: waits for a person. failed: PostgreSQL refused the plan.';
COMMENT ON COLUMN schemad.schema_requests.findings IS
  'Why: a list of {rule, severity, field, message, hint}.';
COMMENT ON COLUMN schemad.schema_requests.plan_sql IS 'The exact SQL that was run, or that an approval would run.';
COMMENT ON COLUMN schemad.schema_requests.requested_by IS 'Database role that asked; set by a trigger.';
COMMENT ON COLUMN schemad.schema_requests.requested_login IS 'Login behind requested_by, where SET ROLE was used; set by a trigger.';
COMMENT ON COLUMN schemad.schema_requests.decided_by IS 'The reviewer''s role, schemad where the policy decided, or the role that withdrew it.';
COMMENT ON COLUMN schemad.schema_requests.decision_reason IS 'Why: the reviewer''s words, what was low-risk about it, or that it was withdrawn.';
COMMENT ON COLUMN schemad.schema_requests.idempotency_key IS
  'The requester''s own key: the same key again returns the first request.';
COMMENT ON COLUMN schemad.schema_requests.attempts IS 'How often it was tried; errors that pass are tried again.';
COMMENT ON COLUMN schemad.schema_requests.next_attempt_at IS 'Not tried again before this time.';
COMMENT ON COLUMN schemad.schema_requests.last_error IS 'SQLSTATE and message of the last attempt that did not succeed.';
COMMENT ON COLUMN schemad.schema_requests.retried_at IS 'When its requester last had it assessed again, by retry_request().';

-- The queue, in the order in which it is worked off: what was put off stands behind what was not, by the time at which it is
-- due, so that nobody reads past it. Held and decided requests are not in it, so they can't slow or starve new ones.
-- That a request is undecided is said in another way by each of these indexes, and by the query that it is for: the
-- planner, which takes whatever it believes to be all but empty for as good as any, is left no other.
CREATE INDEX schema_requests_due ON schemad.schema_requests (coalesce(next_attempt_at, '-infinity'::timestamptz), id)
  WHERE processed_at IS NULL AND verdict IS NULL;
-- For each requester's turn.
CREATE INDEX schema_requests_turns
  ON schemad.schema_requests (requested_by, requester_user_id, coalesce(next_attempt_at, '-infinity'::timestamptz), id)
  WHERE num_nonnulls(processed_at, verdict) = 0;
-- For a foreign key to a table that was asked for earlier.
CREATE INDEX schema_requests_awaited ON schemad.schema_requests (lower(schema_name COLLATE "C"), id)
  WHERE num_nulls(processed_at, verdict) = 2;
-- For what must not overtake one that was put off.
CREATE INDEX schema_requests_put_off ON schemad.schema_requests (requested_by, lower(schema_name COLLATE "C"), id)
  WHERE num_nulls(verdict, processed_at) = 2 AND next_attempt_at IS NOT NULL;
CREATE INDEX schema_requests_requester ON schemad.schema_requests (requester_user_id, id);
-- For the limits: the n-th latest request of a role and of a login, and their pending ones; the first for a role's list, too.
CREATE INDEX schema_requests_recent ON schemad.schema_requests (requested_by, created_at);
CREATE INDEX schema_requests_recent_login ON schemad.schema_requests (requested_login, created_at);
CREATE INDEX schema_requests_pending ON schemad.schema_requests (requested_by)
  WHERE status = 'pending' AND processed_at IS NULL;
CREATE INDEX schema_requests_pending_login ON schemad.schema_requests (requested_login)
  WHERE num_nonnulls(processed_at) = 0;
-- For the counts of what waits for people: else they would read past the whole queue.
CREATE INDEX schema_requests_held ON schemad.schema_requests (created_at)
  WHERE num_nulls(processed_at) = 1 AND num_nulls(verdict) = 0;
-- For schemad.prune(), as the two below on created_at.
CREATE INDEX schema_requests_processed ON schemad.schema_requests (processed_at) WHERE processed_at IS NOT NULL;
-- For schemad.recent_decisions, where a role sees its own.
CREATE INDEX schema_requests_decided ON schemad.schema_requests (requested_by, processed_at) WHERE status <> 'pending';
-- What is dead in the queue has to be read past until it is vacuumed, and depends on the traffic, not on the history.
-- A fillfactor would help nothing: what a decision changes is in the indexes, so no update is heap-only.
ALTER TABLE schemad.schema_requests SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TABLE schemad.schema_changes_audit (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  schema_id integer,
  request_id integer,
  change_summary text,
  migration_sql text,
  applied_by varchar(255),
  applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE schemad.schema_changes_audit IS
  'Each request that was applied, with the SQL that it took: none where the table had all of it already. Rows are only ever added.';
COMMENT ON COLUMN schemad.schema_changes_audit.id IS 'Grows with each row.';
COMMENT ON COLUMN schemad.schema_changes_audit.schema_id IS 'schema_registry.id, kept after the registry row is gone.';
COMMENT ON COLUMN schemad.schema_changes_audit.request_id IS 'schema_requests.id, kept after the request is pruned.';
COMMENT ON COLUMN schemad.schema_changes_audit.change_summary IS 'What was done, in words.';
COMMENT ON COLUMN schemad.schema_changes_audit.migration_sql IS 'The exact SQL that was run; empty where the table had all of it already.';
COMMENT ON COLUMN schemad.schema_changes_audit.applied_by IS 'Who decided it: schemad, or the reviewer''s role.';
COMMENT ON COLUMN schemad.schema_changes_audit.applied_at IS 'When it was applied.';

CREATE TABLE schemad.auto_create_log (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  schema_name varchar(255),
  table_name varchar(255),
  action varchar(50) NOT NULL CHECK (action IN ('created', 'skipped', 'failed')),
  details jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE schemad.auto_create_log IS
  'One row for each decision of the daemon: created (or changed, or dropped), skipped (held for review, or nothing to do) or failed.';
CREATE INDEX auto_create_log_created ON schemad.auto_create_log (created_at);
ALTER TABLE schemad.auto_create_log SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
COMMENT ON COLUMN schemad.auto_create_log.id IS 'Grows with each row.';
COMMENT ON COLUMN schemad.auto_create_log.schema_name IS 'schema_requests.schema_name.';
COMMENT ON COLUMN schemad.auto_create_log.table_name IS 'The table, with the database schema it is in.';
COMMENT ON COLUMN schemad.auto_create_log.action IS 'created, skipped or failed.';
COMMENT ON COLUMN schemad.auto_create_log.details IS 'request_id, operation, findings; for failures sqlstate and error.';
COMMENT ON COLUMN schemad.auto_create_log.created_at IS 'When it was decided.';

CREATE TABLE schemad.notifications (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id varchar(255) NOT NULL,
  payload jsonb NOT NULL,
  delivered boolean NOT NULL DEFAULT false,
  delivery_channel varchar(50) NOT NULL DEFAULT 'dm',
  created_at timestamptz NOT NULL DEFAULT now(),
  role_name name NOT NULL
);
COMMENT ON TABLE schemad.notifications IS
  'Messages to requesters about their requests. LISTEN schemad_decisions tells when there is a new one, unless policy.notify is false.';
COMMENT ON COLUMN schemad.notifications.id IS 'Grows with each message.';
COMMENT ON COLUMN schemad.notifications.user_id IS 'requester_user_id of the request.';
COMMENT ON COLUMN schemad.notifications.payload IS 'request_id, schema_name, status, verdict, message, findings.';
COMMENT ON COLUMN schemad.notifications.delivered IS 'Set by whoever passed the message on.';
COMMENT ON COLUMN schemad.notifications.delivery_channel IS 'By which way it was passed on, in the words of whoever did.';
COMMENT ON COLUMN schemad.notifications.created_at IS 'When it was written.';
COMMENT ON COLUMN schemad.notifications.role_name IS 'requested_by of the request: the role that may read the row.';
-- For whoever works off what its role was not told yet: row-level security names the role in every statement of a requester.
CREATE INDEX notifications_undelivered ON schemad.notifications (role_name, user_id, id) WHERE NOT delivered;
CREATE INDEX notifications_created ON schemad.notifications (delivered, created_at);
ALTER TABLE schemad.notifications SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);

CREATE TYPE schemad.outcome AS (
  result text,
  error_code text,
  error_message text
);
COMMENT ON TYPE schemad.outcome IS 'What became of one decision of a batch.';
COMMENT ON COLUMN schemad.outcome.result IS
  'applied, held, failed; retry (an error that passes: next_attempt_at is set); stale (policy, table or quota changed since it was planned, or another daemon works on them) and taken (another daemon has the request, or it was decided, put off or tried since it was read): nothing is recorded for these two.';
COMMENT ON COLUMN schemad.outcome.error_code IS 'SQLSTATE of what it failed with.';
COMMENT ON COLUMN schemad.outcome.error_message IS 'The error in words.';
