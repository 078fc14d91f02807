-- Whether daemons look at the queue by themselves just now, so that nobody has to wake them. Who takes part and how:
-- the functions wake_daemons(), keep_watch() and end_watch(). Nobody has any privilege on it, and so nobody can lock it.

CREATE TABLE schemad.watch (
  is_watch boolean PRIMARY KEY DEFAULT true CHECK (is_watch),
  started_at timestamptz NOT NULL DEFAULT '-infinity',
  ends_at timestamptz NOT NULL DEFAULT '-infinity',
  is_over boolean NOT NULL DEFAULT true,
  kept_by integer
);
COMMENT ON TABLE schemad.watch IS
  'One row: the time in which a busy daemon looks at the queue by itself, so that requesters send no NOTIFY. Internal to the triggers and the daemon.';
COMMENT ON COLUMN schemad.watch.is_watch IS 'True: there is one row.';
COMMENT ON COLUMN schemad.watch.started_at IS 'When the watch was last begun or prolonged.';
COMMENT ON COLUMN schemad.watch.ends_at IS 'It ends by itself then, should its daemon die; -infinity once the daemon ended it.';
COMMENT ON COLUMN schemad.watch.is_over IS
  'False from the beginning of a watch until every transaction that relied on it has ended: until then daemons keep looking.';
COMMENT ON COLUMN schemad.watch.kept_by IS 'Process id of the session that last began or prolonged it.';
INSERT INTO schemad.watch DEFAULT VALUES;
