-- Who asks, and whether schemad's roles are there to be granted.
SELECT quote_ident(current_user) AS role, to_regrole('schemad_daemon') IS NOT NULL AS has_roles
