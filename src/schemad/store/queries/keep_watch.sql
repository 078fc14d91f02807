-- Begins or prolongs the watch in which nobody need notify.
SELECT schemad.keep_watch()
