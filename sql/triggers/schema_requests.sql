CREATE OR REPLACE TRIGGER validate_request
BEFORE INSERT ON schemad.schema_requests
FOR EACH ROW EXECUTE FUNCTION schemad.validate_request();

COMMENT ON TRIGGER validate_request ON schemad.schema_requests IS 'Sound shape, no forged outcome, a true requested_by.';

CREATE OR REPLACE TRIGGER refuse_request_change
BEFORE UPDATE OF id, requester_user_id, schema_name, request_payload, created_at, requested_by, requested_login,
  idempotency_key
ON schemad.schema_requests
FOR EACH ROW EXECUTE FUNCTION schemad.refuse_request_change();

COMMENT ON TRIGGER refuse_request_change ON schemad.schema_requests IS 'What was asked for does not change.';

CREATE OR REPLACE TRIGGER wake_daemons
AFTER INSERT ON schemad.schema_requests
FOR EACH STATEMENT EXECUTE FUNCTION schemad.wake_daemons();

COMMENT ON TRIGGER wake_daemons ON schemad.schema_requests IS 'One wake-up a statement.';

-- Approving and retrying are UPDATEs that put a request back into the queue. The daemon's own updates
-- take requests out of it, and fail the WHEN without calling anything.
CREATE OR REPLACE TRIGGER wake_daemons_again
AFTER UPDATE ON schemad.schema_requests
FOR EACH ROW
WHEN (NEW.status = 'pending' AND NEW.verdict IS NULL AND NEW.next_attempt_at IS NULL
    AND (OLD.verdict IS NOT NULL OR OLD.next_attempt_at IS NOT NULL)
  OR NEW.status IN ('cancelled', 'rejected') AND OLD.verdict IS NULL AND OLD.next_attempt_at IS NOT NULL)
EXECUTE FUNCTION schemad.wake_daemons();

COMMENT ON TRIGGER wake_daemons_again ON schemad.schema_requests IS
  'A wake-up for each request that was approved or is to be retried, or that later ones waited for and that is withdrawn.';
