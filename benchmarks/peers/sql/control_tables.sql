-- The application's own tables, for contenders that bring none: the specification's six, and versions. They have the
-- columns that are written here, and no index but those that keys need, so a record costs no more than it must.
CREATE SCHEMA app;
COMMENT ON SCHEMA app IS 'Requests for tables, and the records of what was made of them.';

CREATE TABLE app.schema_registry (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name varchar(255) NOT NULL UNIQUE,
  description text,
  owner varchar(255),
  is_active boolean NOT NULL DEFAULT true,
  created_at timestamptz NOT NULL DEFAULT now(),
  updated_at timestamptz NOT NULL DEFAULT now(),
  version integer NOT NULL DEFAULT 1
);
COMMENT ON TABLE app.schema_registry IS 'The tables that were made, one row each.';

CREATE TABLE app.schema_fields (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  schema_id integer NOT NULL REFERENCES app.schema_registry (id) ON DELETE CASCADE,
  field_name varchar(255) NOT NULL,
  field_type varchar(64) NOT NULL,
  is_nullable boolean NOT NULL DEFAULT true,
  default_value text,
  metadata jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE app.schema_fields IS 'The fields of each table.';

CREATE TABLE app.schema_versions (
  schema_id integer NOT NULL REFERENCES app.schema_registry (id) ON DELETE CASCADE,
  version integer NOT NULL,
  request_id integer,
  operation text NOT NULL,
  fields jsonb NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (schema_id, version)
);
COMMENT ON TABLE app.schema_versions IS 'Each change of a table, with the fields it then had.';

CREATE TABLE app.schema_requests (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  requester_user_id varchar(255) NOT NULL,
  schema_name varchar(255) NOT NULL,
  request_payload jsonb NOT NULL,
  status varchar(50) NOT NULL DEFAULT 'pending',
  created_at timestamptz NOT NULL DEFAULT now(),
  processed_at timestamptz
);
COMMENT ON TABLE app.schema_requests IS 'What was asked for, and whether it was made.';

CREATE TABLE app.schema_changes_audit (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  schema_id integer,
  request_id integer,
  change_summary text,
  migration_sql text,
  applied_by varchar(255),
  applied_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE app.schema_changes_audit IS 'The SQL of each change.';

CREATE TABLE app.auto_create_log (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  schema_name varchar(255),
  table_name varchar(255),
  action varchar(50) NOT NULL,
  details jsonb NOT NULL DEFAULT '{}',
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE app.auto_create_log IS 'What the worker did.';

CREATE TABLE app.notifications (
  id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  user_id varchar(255) NOT NULL,
  payload jsonb NOT NULL,
  delivered boolean NOT NULL DEFAULT false,
  delivery_channel varchar(50) NOT NULL DEFAULT 'dm',
  created_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE app.notifications IS 'Messages to those who asked.';
