SELECT d.id, d.schema_name, d.requested_by, d.age, d.status, d.why FROM schemad.recent_decisions AS d LIMIT 20;
