-- The requester gets no privileges on its table.
SELECT schemad.set_policy('grant_to_requester', '{}')
