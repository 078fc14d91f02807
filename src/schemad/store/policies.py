"""The policy as people see it: shown, and changed through the functions of the SQL API."""

import json
from typing import Any

from schemad.policy import Policy, TableFacts
from schemad.store.connect import Connection
from schemad.store.queue import Queue
from schemad.store.sql_files import query


async def shown(connection: Connection) -> dict[str, Any]:
    """Settings, types, protected tables and changed severities."""
    found: dict[str, Any] = json.loads(await connection.fetchval(query("policy_shown")))
    return found


async def change(connection: Connection, function: str, *arguments: object) -> None:
    """Calls one of the functions that change the policy.

    Args:
        connection: As a role that may change it.
        function: set_policy, protect_table, unprotect_table, allow_type, disallow_type or set_rule_severity.
        arguments: What the function takes.
    """
    await connection.fetchval(query(function), *arguments)


async def live(connection: Connection, schema_name: str, payload: str) -> tuple[Policy, TableFacts, str]:
    """The policy, what the database holds under a name, and the role that asks: what a plan stands on."""
    facts = await connection.fetchval(query("facts"), schema_name, payload)
    role = await connection.fetchval(query("current_role"))
    return await Queue(connection).policy(), TableFacts.from_row(json.loads(facts)), role
