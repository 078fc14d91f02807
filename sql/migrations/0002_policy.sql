-- What counts as low-risk. Every daemon reads it from here, so all of them agree.

CREATE TABLE schemad.policy (
  is_policy boolean PRIMARY KEY DEFAULT true CHECK (is_policy),
  version integer NOT NULL DEFAULT 1,
  table_schema name NOT NULL DEFAULT 'public',
  owner_role name DEFAULT 'schemad_owner',
  grant_to_requester text[] NOT NULL DEFAULT '{SELECT,INSERT,UPDATE,DELETE}'
    CHECK (grant_to_requester <@ '{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'),
  max_fields integer NOT NULL DEFAULT 100 CHECK (max_fields BETWEEN 1 AND 1600),
  max_indexes integer NOT NULL DEFAULT 10 CHECK (max_indexes BETWEEN 0 AND 100),
  max_referenced_bytes bigint NOT NULL DEFAULT 104857600 CHECK (max_referenced_bytes >= 0),
  max_payload_bytes integer NOT NULL DEFAULT 262144 CHECK (max_payload_bytes BETWEEN 1024 AND 16777216),
  requests_per_minute integer CHECK (requests_per_minute > 0),
  requests_per_minute_and_user integer CHECK (requests_per_minute_and_user > 0),
  pending_requests integer CHECK (pending_requests > 0),
  tables_per_day integer CHECK (tables_per_day >= 0),
  tables_in_all integer CHECK (tables_in_all >= 0),
  max_attempts integer NOT NULL DEFAULT 10 CHECK (max_attempts BETWEEN 1 AND 1000),
  allow_self_approval boolean NOT NULL DEFAULT false,
  -- A day at least: '90' means 90 seconds to PostgreSQL, and what was pruned is gone.
  keep_logs interval DEFAULT '90 days' CHECK (keep_logs BETWEEN '1 day' AND '1000 years'),
  keep_delivered interval DEFAULT '30 days' CHECK (keep_delivered BETWEEN '1 day' AND '1000 years'),
  keep_undelivered interval CHECK (keep_undelivered BETWEEN '1 day' AND '1000 years'),
  keep_requests interval CHECK (keep_requests BETWEEN '1 day' AND '1000 years'),
  notify boolean NOT NULL DEFAULT true,
  changed_at timestamptz NOT NULL DEFAULT now(),
  changed_by text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE schemad.policy IS 'One row: the limits and switches of what happens by itself. UPDATE it; daemons follow at once.';
COMMENT ON COLUMN schemad.policy.is_policy IS 'Always true: there is one row.';
COMMENT ON COLUMN schemad.policy.version IS
  'Counts changes of policy, safe_types, protected_tables and rule_severities; kept by triggers.';
COMMENT ON COLUMN schemad.policy.table_schema IS 'Database schema in which tables are created.';
COMMENT ON COLUMN schemad.policy.owner_role IS 'Owner of created tables; NULL: the role that the daemon runs as.';
COMMENT ON COLUMN schemad.policy.grant_to_requester IS 'Privileges on a new table for the role that asked for it.';
COMMENT ON COLUMN schemad.policy.max_fields IS 'A request with more fields waits for review. PostgreSQL itself allows 1,600.';
COMMENT ON COLUMN schemad.policy.max_indexes IS 'A request with more indexes (uniques included) waits for review.';
COMMENT ON COLUMN schemad.policy.max_referenced_bytes IS 'A foreign key to a larger table waits for review (bytes).';
COMMENT ON COLUMN schemad.policy.max_payload_bytes IS 'A larger payload is refused at submit (bytes, both as stored and as text).';
COMMENT ON COLUMN schemad.policy.requests_per_minute IS
  'Requests that a database role may make within any minute, and a login through all its roles, and one retry of each request. NULL: no limit. With this or one of the next two set, the submits of a role or login wait for each other until they commit.';
COMMENT ON COLUMN schemad.policy.requests_per_minute_and_user IS 'Requests that each requester_user_id of a role may make within any minute; NULL: no limit.';
COMMENT ON COLUMN schemad.policy.pending_requests IS 'Requests of a role, and of a login through all its roles, that may be pending at once; NULL: no limit.';
COMMENT ON COLUMN schemad.policy.tables_per_day IS
  'Tables that are created by themselves for a role within any 24 hours; further ones wait for review. NULL: no limit.';
COMMENT ON COLUMN schemad.policy.tables_in_all IS 'The same, for all tables that a role has.';
COMMENT ON COLUMN schemad.policy.max_attempts IS 'After so many attempts a request with passing errors counts as failed.';
COMMENT ON COLUMN schemad.policy.allow_self_approval IS 'True: a requester may approve its own requests (no four eyes).';
COMMENT ON COLUMN schemad.policy.keep_logs IS
  'Rows of auto_create_log older than this are pruned, such as ''90 days''; a day at least. NULL: never.';
COMMENT ON COLUMN schemad.policy.keep_delivered IS
  'Delivered notifications that were written longer ago are pruned; a day at least. NULL: never.';
COMMENT ON COLUMN schemad.policy.keep_undelivered IS 'The same, for notifications that nobody marked as delivered.';
COMMENT ON COLUMN schemad.policy.keep_requests IS
  'Requests that were applied, rejected or withdrawn longer ago are pruned, and their idempotency keys with them; a day at least. NULL: never.';
COMMENT ON COLUMN schemad.policy.notify IS
  'False: whoever submits, approves or retries sends no NOTIFY, and daemons find requests by polling; nor are decisions told on schemad_decisions, only by rows of notifications. For transactions that are prepared (two-phase commit), or many that commit at once.';
COMMENT ON COLUMN schemad.policy.changed_at IS 'When the version was last counted up.';
COMMENT ON COLUMN schemad.policy.changed_by IS 'The role that made that change.';
INSERT INTO schemad.policy DEFAULT VALUES;

CREATE TABLE schemad.pruning (
  is_pruning boolean PRIMARY KEY DEFAULT true CHECK (is_pruning),
  turn_at timestamptz NOT NULL DEFAULT '-infinity'
);
COMMENT ON TABLE schemad.pruning IS 'One row, by which daemons take turns at pruning.';
COMMENT ON COLUMN schemad.pruning.is_pruning IS 'Always true: there is one row.';
COMMENT ON COLUMN schemad.pruning.turn_at IS 'When a daemon last began to prune.';
INSERT INTO schemad.pruning DEFAULT VALUES;

CREATE TABLE schemad.safe_types (
  name text PRIMARY KEY,
  aliases text[] NOT NULL DEFAULT '{}',
  modifiers smallint NOT NULL DEFAULT 0 CHECK (modifiers BETWEEN 0 AND 2),
  modifier_min integer,
  modifier_max integer,
  auto boolean NOT NULL DEFAULT true,
  refused boolean NOT NULL DEFAULT false,
  built_in boolean NOT NULL DEFAULT false,
  catalog_name text,
  added_at timestamptz NOT NULL DEFAULT now(),
  added_by text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE schemad.safe_types IS 'The types that a field may have. A type that is not here is refused at submit.';
COMMENT ON COLUMN schemad.safe_types.name IS 'The name that schemad writes.';
COMMENT ON COLUMN schemad.safe_types.aliases IS 'Other names for it that a request may use.';
COMMENT ON COLUMN schemad.safe_types.modifiers IS 'How many modifiers it takes at most: 1 for varchar(n), 2 for numeric(p,s).';
COMMENT ON COLUMN schemad.safe_types.modifier_min IS 'Smallest first modifier.';
COMMENT ON COLUMN schemad.safe_types.modifier_max IS 'Largest first modifier.';
COMMENT ON COLUMN schemad.safe_types.refused IS 'True: no request may have this type. disallow_type() sets it.';
COMMENT ON COLUMN schemad.safe_types.built_in IS 'True for the types that schemad itself knows how to write.';
COMMENT ON COLUMN schemad.safe_types.catalog_name IS
  'For types that are not built in: the name with its schema, as PostgreSQL writes it. allow_type() fills it in.';
COMMENT ON COLUMN schemad.safe_types.auto IS 'False: a request with this type waits for review.';
COMMENT ON COLUMN schemad.safe_types.added_at IS 'When the row was added.';
COMMENT ON COLUMN schemad.safe_types.added_by IS 'Who added it.';

INSERT INTO schemad.safe_types (name, aliases, modifiers, modifier_min, modifier_max)
VALUES
  ('text', '{}', 0, NULL, NULL),
  ('varchar', '{character varying}', 1, 1, 10485760),
  ('char', '{character}', 1, 1, 10485760),
  ('smallint', '{int2}', 0, NULL, NULL),
  ('integer', '{int,int4}', 0, NULL, NULL),
  ('bigint', '{int8}', 0, NULL, NULL),
  ('smallserial', '{serial2}', 0, NULL, NULL),
  ('serial', '{serial4}', 0, NULL, NULL),
  ('bigserial', '{serial8}', 0, NULL, NULL),
  ('numeric', '{decimal}', 2, 1, 1000),
  ('real', '{float4}', 0, NULL, NULL),
  ('double precision', '{float8,float}', 0, NULL, NULL),
  ('boolean', '{bool}', 0, NULL, NULL),
  ('date', '{}', 0, NULL, NULL),
  ('time', '{time without time zone}', 1, 0, 6),
  ('timetz', '{time with time zone}', 1, 0, 6),
  ('timestamp', '{timestamp without time zone}', 1, 0, 6),
  ('timestamptz', '{timestamp with time zone}', 1, 0, 6),
  ('interval', '{}', 1, 0, 6),
  ('uuid', '{}', 0, NULL, NULL),
  ('json', '{}', 0, NULL, NULL),
  ('jsonb', '{}', 0, NULL, NULL),
  ('bytea', '{}', 0, NULL, NULL),
  ('inet', '{}', 0, NULL, NULL),
  ('cidr', '{}', 0, NULL, NULL),
  ('macaddr', '{}', 0, NULL, NULL);

UPDATE schemad.safe_types SET built_in = true;

CREATE TABLE schemad.protected_tables (
  name text PRIMARY KEY CHECK (name = lower(name)),
  reason text,
  added_at timestamptz NOT NULL DEFAULT now(),
  added_by text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE schemad.protected_tables IS 'Names that no request may have. A request for one is refused at submit.';
COMMENT ON COLUMN schemad.protected_tables.name IS 'In lower case: requests are folded before they are compared.';
COMMENT ON COLUMN schemad.protected_tables.reason IS 'Why, in the words of whoever protected it.';
COMMENT ON COLUMN schemad.protected_tables.added_at IS 'When it was protected.';
COMMENT ON COLUMN schemad.protected_tables.added_by IS 'Who protected it.';

INSERT INTO schemad.protected_tables (name, reason)
VALUES
  ('messages', 'critical table of the application'),
  ('queries', 'critical table of the application'),
  ('user_profiles', 'critical table of the application'),
  ('documents', 'critical table of the application'),
  ('schema_registry', 'control table of schemad'),
  ('schema_requests', 'control table of schemad');

CREATE TABLE schemad.rule_severities (
  rule text PRIMARY KEY,
  severity text NOT NULL CHECK (severity IN ('refuse', 'review', 'warn')),
  changed_at timestamptz NOT NULL DEFAULT now(),
  changed_by text NOT NULL DEFAULT session_user
);
COMMENT ON TABLE schemad.rule_severities IS
  'Rules that this database judges more or less severely than schemad does. schemad rules lists those that may be.';

COMMENT ON COLUMN schemad.rule_severities.rule IS 'Id of the rule, such as limit.fields.';
COMMENT ON COLUMN schemad.rule_severities.severity IS 'refuse, review or warn.';
COMMENT ON COLUMN schemad.rule_severities.changed_at IS 'When it was set.';
COMMENT ON COLUMN schemad.rule_severities.changed_by IS 'Who set it.';

CREATE TABLE schemad.policy_changes (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  changed_by text NOT NULL,
  login text NOT NULL DEFAULT session_user,
  table_name text NOT NULL,
  operation text NOT NULL,
  before jsonb,
  after jsonb
);
COMMENT ON TABLE schemad.policy_changes IS 'Every change of the policy, with who made it. Rows are only ever added.';
COMMENT ON COLUMN schemad.policy_changes.id IS 'Grows with each change.';
COMMENT ON COLUMN schemad.policy_changes.changed_at IS 'When it was made.';
COMMENT ON COLUMN schemad.policy_changes.changed_by IS 'The role that made the change.';
COMMENT ON COLUMN schemad.policy_changes.login IS 'The login behind it.';
COMMENT ON COLUMN schemad.policy_changes.table_name IS 'policy, safe_types, protected_tables or rule_severities.';
COMMENT ON COLUMN schemad.policy_changes.operation IS 'insert, update or delete.';
COMMENT ON COLUMN schemad.policy_changes.before IS 'The row before, NULL where it is new.';
COMMENT ON COLUMN schemad.policy_changes.after IS 'The row after, NULL where it is gone.';
