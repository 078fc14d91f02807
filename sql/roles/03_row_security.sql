-- A role sees its own requests and messages; reviewers and daemons see all. caller(), not current_user: an application
-- may well call from a SECURITY DEFINER function of its own. So the function of an index may read the rows of whoever has the
-- index computed, such as by ANALYZE; what it changes is refused by the functions and triggers.
ALTER TABLE schemad.schema_requests ENABLE ROW LEVEL SECURITY;
ALTER TABLE schemad.notifications ENABLE ROW LEVEL SECURITY;

DROP POLICY IF EXISTS own_requests ON schemad.schema_requests;
CREATE POLICY own_requests ON schemad.schema_requests TO schemad_requester
USING (requested_by = (SELECT schemad.caller())) WITH CHECK (requested_by = (SELECT schemad.caller()));
COMMENT ON POLICY own_requests ON schemad.schema_requests IS 'A requester sees and makes the requests of its own role.';

DROP POLICY IF EXISTS all_requests ON schemad.schema_requests;
CREATE POLICY all_requests ON schemad.schema_requests TO schemad_reviewer, schemad_daemon USING (true);
COMMENT ON POLICY all_requests ON schemad.schema_requests IS 'Reviewers and daemons see all requests.';

DROP POLICY IF EXISTS own_notifications ON schemad.notifications;
CREATE POLICY own_notifications ON schemad.notifications TO schemad_requester USING (role_name = (SELECT schemad.caller()));
COMMENT ON POLICY own_notifications ON schemad.notifications IS 'A requester sees the messages to its own role.';

DROP POLICY IF EXISTS all_notifications ON schemad.notifications;
CREATE POLICY all_notifications ON schemad.notifications FOR SELECT TO schemad_reviewer, schemad_daemon USING (true);
COMMENT ON POLICY all_notifications ON schemad.notifications IS
  'Reviewers and daemons see all messages. A reviewer who is a requester too marks its own as delivered, and no others.';

DROP POLICY IF EXISTS new_notifications ON schemad.notifications;
CREATE POLICY new_notifications ON schemad.notifications FOR INSERT TO schemad_daemon WITH CHECK (true);
COMMENT ON POLICY new_notifications ON schemad.notifications IS 'Daemons send messages to everybody.';
