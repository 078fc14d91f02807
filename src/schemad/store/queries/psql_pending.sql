SELECT p.id, p.schema_name, p.requested_by, p.age, p.state, p.why FROM schemad.pending_requests AS p;
