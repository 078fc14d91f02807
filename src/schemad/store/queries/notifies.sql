-- Whether requests are announced by NOTIFY.
SELECT p.notify FROM schemad.policy AS p
