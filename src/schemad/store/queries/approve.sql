-- Approves a held request, with a reason. $3: digest of the plan that was shown; NULL: whichever it has.
SELECT schemad.approve_request($1::integer, $2::text, $3::text)
