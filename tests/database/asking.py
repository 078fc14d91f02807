"""What the tests of the SQL API do over and over: ask, be refused, have a request wait, hear a notification."""

import asyncio
import contextlib
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest

from schemad.store import Connection
from tests.support.daemons import PATIENCE
from tests.support.databases import Database, fields

Ask = Callable[[Connection, str, object], Awaitable[int]]
SoFar = Callable[[], Awaitable[list[str]]]
_MARK = "everything that was sent before has arrived"


@dataclass(frozen=True, slots=True)
class Refusal:
    """An error of PostgreSQL, in its parts."""

    sqlstate: str
    message: str
    detail: str | None
    hint: str | None


async def refusal(call: Awaitable[object]) -> Refusal:
    """The error that a call ends in. Fails where it ends in none."""
    with pytest.raises(asyncpg.PostgresError) as caught:
        await call
    error: Any = caught.value
    refused = Refusal(error.sqlstate, error.args[0], error.detail, error.hint)
    if error.table_name is None:  # else PostgreSQL's own words, of a constraint
        assert_readable(refused)
    return refused


def assert_readable(refused: Refusal) -> None:
    """Asserts that an error can be read where psql shows it, in a terminal of 80 columns.

    The message has a line there, save for what somebody gave that is long; the detail has two, and the hint four,
    unless it lists all that there is.
    """
    shortened = re.sub(r"'[^']{20,}'|\b\w{30,}\b", "20 characters of it", f"ERROR:  {refused.message}")
    assert len(shortened) <= 80, shortened
    assert len(f"DETAIL:  {refused.detail}") <= 2 * 80, refused.detail
    hint = refused.hint or ""
    assert len(f"HINT:  {hint}") <= (5 if hint.startswith("Settings: ") else 4) * 80, hint
    for text in (refused.message, refused.detail or "", refused.hint or ""):
        assert "\n" not in text, text


async def submit(
    connection: Connection, name: str | None, payload: object, user: str | None = "user123", key: str | None = None
) -> int:
    """Asks by the function."""
    request_id: int = await connection.fetchval(
        "SELECT schemad.submit_request($1, $2, $3, $4)", user, name, json.dumps(payload), key
    )
    return request_id


async def insert(connection: Connection, name: str | None, payload: object, user: str | None = "user123") -> int:
    """Asks by a plain INSERT."""
    request_id: int = await connection.fetchval(
        "INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload) "
        "VALUES ($1, $2, $3) RETURNING id",
        user,
        name,
        json.dumps(payload),
    )
    return request_id


async def request_row(connection: Connection, request_id: int) -> dict[str, Any]:
    """A request as the caller sees it."""
    row = await connection.fetchrow("SELECT * FROM schemad.schema_requests WHERE id = $1", request_id)
    assert row is not None
    return dict(row)


async def hold(admin: Connection, request_id: int, severity: str = "review") -> int:
    """Puts a request where the daemon puts one that waits, with one finding of that severity."""
    finding = {
        "rule": "expression.function_not_allowed",
        "severity": severity,
        "field": None,
        "message": "is odd",
        "hint": "Mend.",
    }
    await admin.execute(
        "UPDATE schemad.schema_requests SET verdict = 'review', findings = $2, plan_sql = 'SELECT 1' "
        "WHERE id = $1",
        request_id,
        json.dumps([finding]),
    )
    return request_id


async def held(admin: Connection, app: Connection, name: str = "held", severity: str = "review") -> int:
    """A request of `app` that waits."""
    return await hold(admin, await submit(app, name, fields("a")), severity)


@contextlib.asynccontextmanager
async def listening(database: Database, channel: str) -> AsyncIterator[SoFar]:
    """Listens, and gives a function that tells the payloads that came since it was last asked.

    It sends a mark and waits for it: notifications arrive in the order of their commits, so none is missed and
    "none came" is known without waiting for a while.
    """
    arrived: asyncio.Queue[str] = asyncio.Queue()

    def hear(_connection: object, _pid: int, _channel: str, payload: object) -> None:
        arrived.put_nowait(str(payload))

    async with database.connection() as listener, database.connection() as marker:
        await listener.add_listener(channel, hear)

        async def so_far() -> list[str]:
            await marker.execute("SELECT pg_notify($1, $2)", channel, _MARK)
            payloads = []
            async with asyncio.timeout(PATIENCE):
                while (payload := await arrived.get()) != _MARK:
                    payloads.append(payload)
            return payloads

        try:
            yield so_far
        finally:
            await listener.remove_listener(channel, hear)
