"""An application on asyncpg: asks for tables, waits, uses them, and is ready for whatever may go wrong.

SCHEMAD_DSN names the database; the login needs schemad_requester. Run: python with_asyncpg.py
"""

import asyncio
import json
import os
import re
from typing import Any

import asyncpg

TASKS = {
    "fields": [
        {"name": "title", "type": "text", "nullable": False},
        {"name": "done", "type": "boolean", "nullable": False, "default": False},
    ]
}
REFUSED = {"fields": [{"name": "title", "type": "varchar(0)"}]}
HELD = {"fields": [{"name": "owner", "type": "text", "default": {"expression": "current_setting('app.user')"}}]}
FAILING = {"fields": [{"name": "start", "type": "smallint", "default": {"expression": "99999"}}]}
OTHER = {"fields": [{"name": "note", "type": "text"}]}


async def submit(
    connection: asyncpg.Connection, table: str, payload: dict[str, Any], key: str | None = None
) -> int:
    """Submits a request and returns its id. Where a limit says when to come back, it does so then."""
    while True:
        try:
            request_id: int = await connection.fetchval(
                "SELECT schemad.submit_request($1, $2, $3, $4)", "asyncpg", table, json.dumps(payload), key
            )
        except asyncpg.ConfigurationLimitExceededError as error:  # SQLSTATE 53400
            seconds = re.search(r"Come back in (\d+) s", error.hint or "")
            if seconds is None:
                raise  # too many are pending: that does not pass by waiting a moment
            print(f"limited: {error}")
            await asyncio.sleep(int(seconds[1]))
        else:
            return request_id


async def wait(connection: asyncpg.Connection, request_id: int) -> asyncpg.Record:
    """Returns the request once it is decided or held. Not within the transaction that submitted it."""
    (row,) = await connection.fetch(
        "SELECT r.id, r.status, r.verdict, r.findings, schemad.request_message(r) AS message "
        "FROM schemad.wait_for_request($1) AS r",
        request_id,
    )
    return row


async def ask_and_use(connection: asyncpg.Connection) -> None:
    """The way it usually goes."""
    request = await wait(connection, await submit(connection, "tasks", TASKS))
    print(f"{request['status']}: {request['message']}")
    await connection.execute("INSERT INTO tasks (title) VALUES ($1)", "write an example")
    print("rows:", await connection.fetchval("SELECT count(*) FROM tasks"))


async def be_refused(connection: asyncpg.Connection) -> None:
    """What can't be right is an error of the statement: with a SQLSTATE, a rule and what would pass."""
    try:
        await submit(connection, "refused", REFUSED)
    except asyncpg.PostgresError as error:
        rule = re.match(r"Rule ([\w.]+)", error.detail or "")
        print(f"refused: {error.sqlstate} {rule[1] if rule else ''}: {error.hint}")


async def be_held(connection: asyncpg.Connection) -> None:
    """What is not low-risk waits for a person: go on without the table, or withdraw the request as here."""
    request = await wait(connection, await submit(connection, "held", HELD))
    print(f"{request['verdict']}: {request['message']}")
    await connection.execute("SELECT schemad.cancel_request($1)", request["id"])


async def fail(connection: asyncpg.Connection) -> None:
    """Where PostgreSQL refuses the plan nothing is kept of it, and a finding has PostgreSQL's own words."""
    request = await wait(connection, await submit(connection, "failing", FAILING))
    print(f"{request['verdict']}: {json.loads(request['findings'])[0]['message']}")
    await connection.execute("SELECT schemad.cancel_request($1)", request["id"])


async def ask_twice(connection: asyncpg.Connection) -> None:
    """A key makes it safe to send a request again after a lost connection. For another request it is an error."""
    first = await submit(connection, "tasks", TASKS, key="asyncpg-1")
    print("same request:", first == await submit(connection, "tasks", TASKS, key="asyncpg-1"))
    try:
        await submit(connection, "tasks", OTHER, key="asyncpg-1")
    except asyncpg.UniqueViolationError as error:  # SQLSTATE 23505
        print(f"key reused: {error.sqlstate}")


async def listen(connection: asyncpg.Connection, dsn: str) -> None:
    """Is told of the decision instead of asking for it. Listen first: what was sent before is told to nobody."""
    told: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    listener = await asyncpg.connect(dsn)
    await listener.add_listener("schemad_decisions", lambda *message: told.put_nowait(json.loads(message[3])))
    request_id = await submit(connection, "tasks", TASKS)
    async with asyncio.timeout(30):
        while (decision := await told.get())["id"] != request_id:
            pass  # another one's
    print("told:", decision["status"])
    await listener.close()


async def ask_in_a_transaction(connection: asyncpg.Connection) -> None:
    """A request is part of the transaction that submits it: rolled back, it was never there."""
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("INSERT INTO tasks (title) VALUES ('never')")
    request_id = await submit(connection, "notes", OTHER)
    await transaction.rollback()
    left = await connection.fetchval("SELECT count(*) FROM schemad.schema_requests WHERE id = $1", request_id)
    print("after the rollback:", left)

    async with connection.transaction():
        request_id = await submit(connection, "notes", OTHER)
    print("after the commit:", (await wait(connection, request_id))["status"])


async def main() -> None:
    """Goes through all of it."""
    dsn = os.environ["SCHEMAD_DSN"]
    connection = await asyncpg.connect(dsn)
    try:
        await ask_and_use(connection)
        await be_refused(connection)
        await be_held(connection)
        await fail(connection)
        await ask_twice(connection)
        await listen(connection, dsn)
        await ask_in_a_transaction(connection)
    finally:
        await connection.close()


if __name__ == "__main__":
    asyncio.run(main())
