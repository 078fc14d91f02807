-- Changes a setting of the policy.
SELECT schemad.set_policy($1::text, $2::text)
