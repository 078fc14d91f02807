-- Gives a rule another severity.
SELECT schemad.set_rule_severity($1::text, $2::text)
