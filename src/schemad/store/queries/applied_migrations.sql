-- What made this schema.
SELECT m.file, m.checksum
FROM schemad.migrations AS m
ORDER BY m.file
