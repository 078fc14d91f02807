"""Requests as people see them: submitted, listed, shown and decided through the SQL API, as its caller."""

import json
from enum import StrEnum
from typing import Any

from schemad.json_text import JsonText
from schemad.store.connect import Connection
from schemad.store.sql_files import query

RequestRow = dict[str, Any]


class Status(StrEnum):
    """How a request stands, as `schema_requests.status` keeps it."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    CANCELLED = "cancelled"


async def submit(
    connection: Connection,
    requester_user_id: str,
    schema_name: str,
    payload: str,
    idempotency_key: str | None = None,
) -> int:
    """Submits a request and returns its id. Raises asyncpg.PostgresError where its shape is unsound."""
    request_id: int = await connection.fetchval(
        query("submit"), requester_user_id, schema_name, payload, idempotency_key
    )
    return request_id


async def wait(connection: Connection, request_id: int, timeout: float) -> RequestRow:
    """The request once it has a verdict or a decision, or as it is after `timeout` seconds."""
    return _readable(await connection.fetchrow(query("wait"), request_id, timeout))


async def show(connection: Connection, request_id: int) -> RequestRow | None:
    """One request; None where there is none that the caller may see."""
    row = await connection.fetchrow(query("show"), request_id)
    return None if row is None else _readable(row)


async def listing(
    connection: Connection,
    status: str | None = None,
    requester_user_id: str | None = None,
    limit: int = 50,
    offset: int = 0,
) -> list[RequestRow]:
    """Requests that the caller may see, newest first."""
    rows = await connection.fetch(query("list"), status, requester_user_id, limit, offset)
    return [_readable(row) for row in rows]


async def describe(connection: Connection, schema_name: str) -> list[dict[str, Any]]:
    """The fields of a table that schemad made. Raises asyncpg.PostgresError where it made none of that name."""
    rows = [dict(row) for row in await connection.fetch(query("describe"), schema_name)]
    for row in rows:
        row["metadata"] = None if row["metadata"] is None else JsonText(row["metadata"])
    return rows


async def approve(connection: Connection, request_id: int, reason: str, plan_digest: str | None) -> None:
    """Approves a held request; the daemon then applies it.

    Args:
        connection: As a reviewer.
        request_id: The request.
        reason: Why; kept with the request.
        plan_digest: That of the plan that the reviewer saw; None: whichever it has now.

    Raises:
        asyncpg.PostgresError: It can't be approved, or its plan is another one.
    """
    await connection.fetchval(query("approve"), request_id, reason, plan_digest)


async def reject(connection: Connection, request_id: int, reason: str) -> None:
    """Turns a pending request down."""
    await connection.fetchval(query("reject"), request_id, reason)


async def cancel(connection: Connection, request_id: int) -> None:
    """Withdraws a pending request: one's own, or, for reviewers, anybody's."""
    await connection.fetchval(query("cancel"), request_id)


async def retry(connection: Connection, request_id: int) -> None:
    """Has a held or failed request assessed again."""
    await connection.fetchval(query("retry"), request_id)


def _readable(row: Any) -> RequestRow:
    """A row with its findings read, and its payload as JSON that nobody needs to read."""
    values = dict(row)
    values["request_payload"] = JsonText(values["request_payload"])
    values["findings"] = json.loads(values["findings"])
    return values
