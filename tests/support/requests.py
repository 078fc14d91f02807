"""Requests in tests: submitted as an application does, and waited for until they are decided."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

from schemad.store import Connection
from tests.support.daemons import PATIENCE

INSERT = "INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload) "


async def submit(connection: Connection, name: str, payload: object, user: str = "user123") -> int:
    """Submits a request; its id."""
    request_id: int = await connection.fetchval(
        "SELECT schemad.submit_request($1, $2, $3)", user, name, json.dumps(payload)
    )
    return request_id


async def submit_many(connection: Connection, count: int, prefix: str = "many") -> None:
    """Submits requests for tables with one field, all in one statement: a backlog."""
    await connection.execute(
        INSERT + 'SELECT \'user123\', $1 || \'_\' || n, \'{"fields": [{"name": "a", "type": "text"}]}\' '
        "FROM generate_series(1, $2::integer) AS n",
        prefix,
        count,
    )


async def decided(connection: Connection, request_id: int) -> dict[str, Any]:
    """The request, once it has a verdict or a decision."""
    row = await connection.fetchrow("SELECT * FROM schemad.wait_for_request($1, '20 s')", request_id)
    assert row is not None
    return {**row, "findings": json.loads(row["findings"])}


async def ask(connection: Connection, name: str, payload: object) -> dict[str, Any]:
    """Submits a request and waits for the decision."""
    return await decided(connection, await submit(connection, name, payload))


def rules(request: dict[str, Any]) -> list[str]:
    """The rules by which a request has findings."""
    return [finding["rule"] for finding in request["findings"]]


async def until(connection: Connection, condition: str, *arguments: object, patience: float = PATIENCE) -> None:
    """Waits until a condition, in SQL, is true: for what nobody is notified of."""
    async with asyncio.timeout(patience):
        while not await connection.fetchval(f"SELECT ({condition}) FROM pg_sleep(0.005)", *arguments):
            pass


async def put_off(admin: Connection, request: int, seconds: float) -> None:
    """Has a request wait for its next attempt, as an outage has, in which none is counted."""
    await admin.execute(
        "UPDATE schemad.schema_requests SET last_error = '53100 no space left on device', "
        "next_attempt_at = clock_timestamp() + $2 * interval '1 s' WHERE id = $1",
        request,
        seconds,
    )


async def on_creation(connection: Connection, table: str, statement: str) -> None:
    """Has the server run a statement of PL/pgSQL whenever that table was created or changed, before the commit."""
    await connection.execute(
        f"""
        CREATE FUNCTION public.interfere() RETURNS event_trigger LANGUAGE plpgsql AS $$
        BEGIN
          IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'public.{table}') THEN
            {statement};
          END IF;
        END $$;
        CREATE EVENT TRIGGER interfere ON ddl_command_end EXECUTE FUNCTION public.interfere()
        """
    )


async def columns_of(connection: Connection, table: str) -> list[str]:
    """The names of a table's columns; none where there is no such table."""
    rows = await connection.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = to_regclass($1) AND attnum > 0 ORDER BY attnum", table
    )
    return [row["attname"] for row in rows]


async def assert_all_or_nothing(connection: Connection) -> int:
    """Asserts that whatever was applied was so once and wholly, and the rest not at all; returns how many were."""
    # One query, and so one moment: a batch may still be committed after its daemon was killed.
    found = await connection.fetchrow(
        """
        SELECT
          (SELECT count(*) FROM schemad.schema_requests WHERE status = 'approved') AS applied,
          (SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r') AS tables,
          (
            SELECT count(*)
            FROM schemad.schema_requests AS r
            JOIN pg_class AS t ON t.relname = r.schema_name AND t.relnamespace = 'public'::regnamespace
            JOIN schemad.schema_registry AS s ON s.name = r.schema_name AND s.version = 1
            WHERE r.status = 'approved' AND r.verdict = 'auto' AND r.processed_at IS NOT NULL
          ) AS approved_with_table,
          (SELECT count(*) FROM schemad.schema_registry) AS registered,
          (SELECT count(*) FROM schemad.schema_fields) AS fields,
          (SELECT count(*) FROM schemad.schema_versions) AS versions,
          (SELECT count(*) FROM schemad.schema_changes_audit) AS audited,
          (SELECT count(DISTINCT request_id) FROM schemad.schema_changes_audit) AS requests_audited,
          (SELECT count(*) FROM schemad.auto_create_log) AS logged,
          (SELECT count(*) FROM schemad.notifications) AS told
        """
    )
    assert found is not None
    applied: int = found["applied"]
    # Two fields each: the one asked for, and the id.
    assert dict(found) == {name: applied * (2 if name == "fields" else 1) for name in found.keys()}  # noqa: SIM118
    return applied


class Decisions:
    """What the decisions channel tells."""

    def __init__(self) -> None:
        self.payloads: list[str] = []
        self._news = asyncio.Event()

    def hear(self, *told: object) -> None:
        """Takes a notification, as asyncpg calls back: connection, pid, channel, payload."""
        self.payloads.append(str(told[3]))
        self._news.set()

    async def count(self, wanted: int, patience: float = PATIENCE) -> None:
        """Waits until so many were told."""
        async with asyncio.timeout(patience):
            while len(self.payloads) < wanted:
                self._news.clear()
                await self._news.wait()


@contextlib.asynccontextmanager
async def decisions(connection: Connection) -> AsyncIterator[Decisions]:
    """Listens to the decisions channel."""
    heard = Decisions()
    await connection.add_listener("schemad_decisions", heard.hear)
    yield heard
    await connection.remove_listener("schemad_decisions", heard.hear)
