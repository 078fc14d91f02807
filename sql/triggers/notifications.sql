CREATE OR REPLACE TRIGGER refuse_false_caller
BEFORE UPDATE ON schemad.notifications
FOR EACH STATEMENT EXECUTE FUNCTION schemad.refuse_false_caller();

COMMENT ON TRIGGER refuse_false_caller ON schemad.notifications IS 'Messages are marked by the role that they are for.';
