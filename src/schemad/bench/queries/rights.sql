-- Whether this role may make databases.
SELECT quote_ident(r.rolname) AS role, r.rolsuper OR r.rolcreatedb AS may_create
FROM pg_roles AS r
WHERE r.rolname = current_user
