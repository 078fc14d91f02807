"""An attack: cases put to a database with a canary and a daemon, and what became of them."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import asyncpg

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.hostile.canary import HOSTILE_SETTINGS, SETUP, Picture, picture
from tests.hostile.case import Case
from tests.support.daemons import running_daemon
from tests.support.databases import Database, fields
from tests.support.requests import ask

# A batch that has to time out, and be taken apart, is a finding of its own.
PATIENCE = 180.0


class Way(StrEnum):
    """How a request gets into the queue."""

    SUBMITTED = "submitted"  # as an application does
    PAST_THE_TRIGGER = "past the trigger"  # by a superuser who sees to it that nothing looks at it


# Without a repr: asyncio.run() makes one of what it returns, four times over, and here that is megabytes.
@dataclass(slots=True, repr=False)
class Attack:
    """What became of the cases.

    Attributes:
        refused: Errors at submit, by case.
        requests: The rows of those in the queue, by case.
        before: Everything, before the first request.
        after: The same, when the queue was empty.
        approved: The same, when everything that could be approved was.
        heard: What was sent on the channel `canary`.
    """

    before: Picture
    refused: dict[Case, asyncpg.PostgresError] = field(default_factory=dict)
    requests: dict[Case, dict[str, Any]] = field(default_factory=dict)
    after: Picture = field(default_factory=Picture)
    approved: Picture = field(default_factory=Picture)
    names_approved: set[str] = field(default_factory=set)
    heard: list[str] = field(default_factory=list)

    @property
    def names_created(self) -> set[str]:
        """The tables that were made or changed by themselves."""
        return {r["schema_name"].lower() for r in self.requests.values() if r["status"] == "approved"}


@contextlib.asynccontextmanager
async def under_attack(database: Database, *, hostile_settings: bool) -> AsyncIterator[tuple[Connection, Daemon]]:
    """A database with a canary, another role's table with rows, and a daemon; the superuser's connection."""
    async with database.connection() as admin:
        await admin.execute(SETUP)
        for name, value in HOSTILE_SETTINGS.items() if hostile_settings else ():
            await admin.execute(f"ALTER DATABASE {database.name} SET {name} = {value}")
    async with (
        database.connection() as admin,
        database.connection("app_two") as other,
        running_daemon(database.dsn("daemon_login")) as daemon,
    ):
        request = await ask(other, "others_table", fields("note"))
        assert request["status"] == "approved", request["findings"]
        await other.execute("INSERT INTO public.others_table (note) VALUES ('a row'), ('and another')")
        yield admin, daemon


async def attack(database: Database, cases: Sequence[Case], way: Way, *, hostile_settings: bool = False) -> Attack:
    """Puts the cases to the database, has all that can be approved approved, and looks at what is different."""
    async with under_attack(database, hostile_settings=hostile_settings) as (admin, _):
        result = Attack(before=await _look(database))
        async with database.connection("stranger") as witness, database.connection("app_one") as app:
            await witness.add_listener("canary", lambda *a: result.heard.append(str(a[-1])))
            ids = await (_submit if way is Way.SUBMITTED else _insert)(admin, app, cases, result)
            await _drained(admin)
            await _read(admin, ids, result)
            result.after = await _look(database)

            async with database.connection("dba_one") as dba:
                await _approve(dba, result)
            await _drained(admin)
            result.approved = await _look(database)
            await _read(admin, ids, result, known=True)
            await witness.execute("SELECT 1")  # nobody ended its session
            request = await ask(app, "the_last_one", fields("a"))
            assert request["status"] == "approved", request["findings"]
    return result


async def _look(database: Database) -> Picture:
    """A picture, by a session of its own: it sees the settings that a new session gets."""
    async with database.connection() as connection:
        return await picture(connection)


async def _submit(admin: Connection, app: Connection, cases: Sequence[Case], result: Attack) -> dict[int, Case]:
    ids: dict[int, Case] = {}
    for case in cases:
        try:
            request_id = await app.fetchval(
                "SELECT schemad.submit_request('hostile', $1, $2)", case.table, case.as_json()
            )
        except asyncpg.PostgresError as error:
            result.refused[case] = error
        else:
            ids[request_id] = case
    return ids


async def _insert(admin: Connection, app: Connection, cases: Sequence[Case], result: Attack) -> dict[int, Case]:
    """Inserts them with all triggers off; what is no jsonb, or too long for a column, can't be inserted at all."""
    role = await app.fetchval("SELECT session_user")
    ids: dict[int, Case] = {}
    await admin.execute("SET session_replication_role = replica")
    for case in cases:
        try:
            request_id = await admin.fetchval(
                "INSERT INTO schemad.schema_requests "
                "(requester_user_id, schema_name, request_payload, requested_by) "
                "VALUES ('hostile', $1, $2, $3) RETURNING id",
                case.table,
                case.as_json(),
                role,
            )
        except asyncpg.PostgresError as error:
            result.refused[case] = error
        else:
            ids[request_id] = case
            if len(ids) % 50 == 0:
                await admin.execute("NOTIFY schemad_requests")
    await admin.execute("RESET session_replication_role; NOTIFY schemad_requests")
    return ids


async def _drained(admin: Connection) -> None:
    async with asyncio.timeout(PATIENCE):
        while await admin.fetchval(
            "SELECT EXISTS (SELECT FROM schemad.schema_requests AS r WHERE r.status::text = 'pending' "
            "AND r.verdict IS NULL) FROM pg_sleep(0.01)"
        ):
            pass


async def _read(admin: Connection, ids: dict[int, Case], result: Attack, *, known: bool = False) -> None:
    rows = await admin.fetch("SELECT * FROM schemad.schema_requests WHERE id = ANY ($1::integer[])", list(ids))
    for row in rows:
        if known:
            if row["status"] == "approved":
                result.names_approved.add(row["schema_name"].lower())
        else:
            result.requests[ids[row["id"]]] = {**row, "findings": json.loads(row["findings"])}


async def _approve(dba: Connection, result: Attack) -> None:
    """Approves whatever anybody could approve."""
    for request in result.requests.values():
        refused = any(f["severity"] == "refuse" for f in request["findings"])
        if request["status"] == "pending":
            try:
                await dba.execute("SELECT schemad.approve_request($1, 'approved unread')", request["id"])
            except asyncpg.ObjectNotInPrerequisiteStateError:
                assert refused, request
            else:
                assert not refused, request
