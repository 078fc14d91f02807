-- Ends it. True: no watch is on, and no transaction left that relied on one.
SELECT schemad.end_watch()
