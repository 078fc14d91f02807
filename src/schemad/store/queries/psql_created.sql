SELECT t.table_name, t.requested_by, t.state, t.version, t.fields FROM schemad.created_tables AS t;
