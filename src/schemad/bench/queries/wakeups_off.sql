-- Leaves the row checks of an insert, and takes away what wakes daemons: the triggers that fire once a statement.
DO $off$
DECLARE
  named record;
BEGIN
  FOR named IN
    SELECT t.tgname
    FROM pg_trigger AS t
    WHERE t.tgrelid = 'schemad.schema_requests'::regclass
      AND NOT t.tgisinternal
      AND t.tgtype & 1 = 0  -- not for each row
      AND t.tgtype & 4 <> 0  -- on insert
  LOOP
    EXECUTE format('ALTER TABLE schemad.schema_requests DISABLE TRIGGER %I', named.tgname);
  END LOOP;
END
$off$
