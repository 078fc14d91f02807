-- Takes a name off the protected ones.
SELECT schemad.unprotect_table($1::text)
