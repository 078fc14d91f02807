-- What has to be so once the faults are over, the queue is worked off and everybody has gone.
-- Each query is a promise, and returns the cases in which it was broken: one column of text.
-- chaos.ledger (role, key, request_id): each submission that was acknowledged, as the requesters remember it.

-- promise: every request that was acknowledged is there, under its id, once
SELECT format('%s %s was acknowledged as %s, and is %s', l.role, l.key, l.request_id, coalesce(r.id::text, 'lost'))
FROM chaos.ledger AS l
LEFT JOIN schemad.schema_requests AS r ON r.requested_by = l.role AND r.idempotency_key = l.key
WHERE r.id IS DISTINCT FROM l.request_id;

-- promise: nothing is undecided
SELECT format('request %s for %s: attempts %s, next %s, %s', r.id, r.schema_name, r.attempts, r.next_attempt_at, r.last_error)
FROM schemad.schema_requests AS r
WHERE r.status = 'pending' AND r.verdict IS NULL;

-- promise: an approved request has one audit row, and no other request has any
SELECT format('request %s is %s %s, with %s audit rows', r.id, r.status, r.verdict, count(a.id))
FROM schemad.schema_requests AS r
LEFT JOIN schemad.schema_changes_audit AS a ON a.request_id = r.id
GROUP BY r.id
HAVING count(a.id) <> CASE r.status WHEN 'approved' THEN 1 ELSE 0 END;

-- promise: an approved request has one log row of its creation, and no other request has any
SELECT format('request %s is %s %s, with %s log rows of a creation', r.id, r.status, r.verdict, count(g.id))
FROM schemad.schema_requests AS r
LEFT JOIN schemad.auto_create_log AS g ON (g.details ->> 'request_id')::integer = r.id
  AND (g.action = 'created' OR g.details ->> 'operation' = 'no_change' AND g.details ->> 'verdict' = 'auto')
GROUP BY r.id
HAVING count(g.id) <> CASE r.status WHEN 'approved' THEN 1 ELSE 0 END;

-- promise: each decision of a daemon was logged and told once
SELECT format('request %s: %s log rows, %s notifications', r.id, coalesce(g.count, 0), coalesce(n.count, 0))
FROM schemad.schema_requests AS r
LEFT JOIN (
  SELECT (l.details ->> 'request_id')::integer AS id, count(*) FROM schemad.auto_create_log AS l GROUP BY 1
) AS g ON g.id = r.id
LEFT JOIN (
  SELECT (m.payload ->> 'request_id')::integer AS id, count(*) FROM schemad.notifications AS m
  WHERE m.payload ->> 'status' IN ('approved', 'pending') GROUP BY 1
) AS n ON n.id = r.id
WHERE coalesce(g.count, 0) <> coalesce(n.count, 0);

-- promise: the requester was told of the outcome, of a final one once
SELECT format('request %s is %s %s, told %s times', r.id, r.status, r.verdict, count(n.id))
FROM schemad.schema_requests AS r
LEFT JOIN schemad.notifications AS n ON (n.payload ->> 'request_id')::integer = r.id
  AND n.payload ->> 'status' = r.status AND n.payload ->> 'verdict' IS NOT DISTINCT FROM r.verdict
  AND n.user_id = r.requester_user_id AND n.role_name = r.requested_by
GROUP BY r.id
HAVING count(n.id) = 0 OR r.status <> 'pending' AND count(n.id) > 1;

-- promise: what was applied last to a name is what is there: a table and its registry row, or neither
SELECT format('%s: last applied was request %s (%s); table %s, registry row %s', q.name, q.request_id, q.action,
  to_regclass('public.' || q.name), s.id)
FROM (
  SELECT DISTINCT ON (lower(r.schema_name)) lower(r.schema_name) AS name, r.id AS request_id, a.id AS audit_id,
    coalesce(r.request_payload ->> 'action', 'ensure') AS action
  FROM schemad.schema_requests AS r
  JOIN schemad.schema_changes_audit AS a ON a.request_id = r.id
  ORDER BY lower(r.schema_name), a.id DESC
) AS q
LEFT JOIN schemad.schema_registry AS s ON s.name = q.name
WHERE (q.action <> 'drop') IS DISTINCT FROM (s.id IS NOT NULL)
  OR (q.action <> 'drop') IS DISTINCT FROM (to_regclass('public.' || q.name) IS NOT NULL)
  OR s.is_active = (q.action = 'deprecate');

-- promise: every field of an approved request is in its table, unless the table was dropped
SELECT format('request %s: field %s of %s is missing', r.id, f.value ->> 'name', r.schema_name)
FROM schemad.schema_requests AS r
JOIN schemad.schema_registry AS s ON s.name = lower(r.schema_name)
CROSS JOIN LATERAL jsonb_array_elements(r.request_payload -> 'fields') AS f
WHERE r.status = 'approved'
  AND NOT EXISTS (
    SELECT FROM pg_attribute AS a
    WHERE a.attrelid = to_regclass('public.' || s.name) AND a.attname = f.value ->> 'name' AND NOT a.attisdropped);

-- promise: registered fields are the columns of the table, of the same types
SELECT format('%s.%s: registered as %s, in the catalog %s', coalesce(f.name, c.name), coalesce(f.field, c.field), f.type, c.type)
FROM (
  SELECT s.name, f.field_name::text AS field, to_regtype(f.field_type)::oid AS base, f.field_type::text AS type
  FROM schemad.schema_fields AS f
  JOIN schemad.schema_registry AS s ON s.id = f.schema_id
) AS f
FULL JOIN (
  SELECT t.relname::text AS name, a.attname::text AS field, a.atttypid AS base, format_type(a.atttypid, a.atttypmod) AS type
  FROM pg_class AS t
  JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped
  WHERE t.relnamespace = 'public'::regnamespace AND t.relkind = 'r'
) AS c ON c.name = f.name AND c.field = f.field
WHERE f.name IS NULL OR c.name IS NULL OR f.base IS NOT NULL AND f.base <> c.base;

-- promise: versions are numbered without a gap, up to the registry's, each of a request that was applied
SELECT format('%s: version %s, but %s from %s to %s', s.name, s.version, count(v.version), min(v.version), max(v.version))
FROM schemad.schema_registry AS s
LEFT JOIN schemad.schema_versions AS v ON v.schema_id = s.id
LEFT JOIN schemad.schema_changes_audit AS a ON a.request_id = v.request_id AND a.schema_id = v.schema_id
GROUP BY s.id
HAVING count(v.version) <> s.version OR min(v.version) <> 1 OR max(v.version) <> s.version
  OR count(DISTINCT v.request_id) <> s.version OR count(a.id) <> s.version;

-- promise: the version's fields are the registered ones
SELECT format('%s: version %s says %s', s.name, v.version, v.fields)
FROM schemad.schema_registry AS s
JOIN schemad.schema_versions AS v ON v.schema_id = s.id AND v.version = s.version
WHERE ARRAY(SELECT f.value ->> 'name' FROM jsonb_array_elements(v.fields) AS f ORDER BY 1)
  <> ARRAY(SELECT f.field_name::text FROM schemad.schema_fields AS f WHERE f.schema_id = s.id ORDER BY 1);

-- promise: no table, sequence, index, view or the like without a request
SELECT format('%s (%s) belongs to no registered table', c.oid::regclass, c.relkind)
FROM pg_class AS c
LEFT JOIN pg_index AS i ON i.indexrelid = c.oid
LEFT JOIN pg_depend AS d ON d.classid = 'pg_class'::regclass AND d.objid = c.oid AND c.relkind = 'S'
  AND d.refclassid = 'pg_class'::regclass AND d.refobjsubid > 0
LEFT JOIN pg_class AS t ON t.oid = CASE c.relkind WHEN 'r' THEN c.oid WHEN 'i' THEN i.indrelid WHEN 'S' THEN d.refobjid END
LEFT JOIN schemad.schema_registry AS s ON s.name = t.relname
WHERE c.relnamespace = 'public'::regnamespace AND s.id IS NULL;

-- promise: no type without a request
SELECT format('type %s belongs to no registered table', y.oid::regtype)
FROM pg_type AS y
LEFT JOIN pg_type AS e ON e.oid = y.typelem AND y.typcategory = 'A'
LEFT JOIN pg_class AS t ON t.oid = coalesce(e.typrelid, y.typrelid)
LEFT JOIN schemad.schema_registry AS s ON s.name = t.relname
WHERE y.typnamespace = 'public'::regnamespace AND s.id IS NULL;

-- promise: every table is its owner's, and granted to the role that asked for it
SELECT format('%s is of %s, granted %s', t.oid::regclass, t.relowner::regrole, t.relacl)
FROM schemad.schema_registry AS s
JOIN pg_class AS t ON t.oid = to_regclass('public.' || s.name)
WHERE t.relowner <> 'schemad_owner'::regrole OR NOT has_table_privilege(s.owner_role, t.oid, 'SELECT, INSERT');

-- promise: no request was tried more often than the policy allows, but for telling that
SELECT format('request %s: %s attempts', r.id, r.attempts)
FROM schemad.schema_requests AS r, schemad.policy AS p
WHERE r.attempts > p.max_attempts + 1;

-- promise: nothing failed for a fault before its attempts were used up
-- (json has no order; a statement that was cancelled twice, 57014, is not tried a third time, by design)
SELECT format('request %s for %s: failed after %s attempts by %s', r.id, r.schema_name, r.attempts, r.last_error)
FROM schemad.schema_requests AS r, schemad.policy AS p
WHERE r.verdict = 'failed' AND r.schema_name NOT LIKE 'refused%' AND r.attempts < p.max_attempts
  AND r.last_error NOT LIKE '57014%';

-- promise: no session is left behind
SELECT format('%s %s of %s, %s since %s: %s', a.pid, a.application_name, a.usename, a.state, a.state_change, a.query)
FROM pg_stat_activity AS a
WHERE a.datname = current_database() AND a.backend_type = 'client backend' AND a.pid <> pg_backend_pid();

-- promise: no advisory lock and no prepared transaction is left behind
SELECT format('advisory lock %s of %s', k.objid, k.pid) FROM pg_locks AS k WHERE k.locktype = 'advisory'
UNION ALL
SELECT format('prepared transaction %s of %s', x.gid, x.owner) FROM pg_prepared_xacts AS x;
