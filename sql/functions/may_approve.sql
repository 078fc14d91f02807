CREATE OR REPLACE FUNCTION schemad.may_approve(role_name name) RETURNS boolean
LANGUAGE sql STABLE
AS $function$
-- Written out, as it becomes part of its caller's expression.
SELECT pg_catalog.has_function_privilege(role_name, 'schemad.approve_request(integer, text, text)', 'EXECUTE')
$function$;

COMMENT ON FUNCTION schemad.may_approve(name) IS
  'Whether a role is a reviewer: one that may approve, and so sees the requests of all roles. Internal to the functions that decide.';
