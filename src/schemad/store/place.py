"""The place: which database a connection leads to, whatever address it was opened with."""

from dataclasses import dataclass

import asyncpg

from schemad.store.connect import Connection
from schemad.store.one_row import one_row
from schemad.store.sql_files import query


class AnotherDatabase(Exception):
    """SCHEMAD_LISTEN_DSN and SCHEMAD_DSN lead to different databases: no request would be heard of."""


@dataclass(frozen=True, slots=True)
class Place:
    """A database.

    Attributes:
        name: Its name.
        oid: Its number in the server.
        server: The identifier of the server, which its standbys and copies have too; None: the login may not ask.
    """

    name: str
    oid: int
    server: int | None


async def place_of(connection: Connection) -> Place | None:
    """Where a connection leads to; None where it can't be told.

    Raises:
        OSError, asyncpg.PostgresError: There is no answer.
    """
    try:
        # In transactions, as a pooler may give each half of a query to another of its sessions.
        async with connection.transaction():
            name, oid = await one_row(connection, "place")
    except asyncpg.ProtocolViolationError:
        return None  # a pooler that lets nobody have a transaction
    try:
        async with connection.transaction():
            server = await connection.fetchval(query("server_identifier"))
    except asyncpg.InsufficientPrivilegeError:
        server = None
    return Place(name, oid, server)


def require_same_place(heard: Place | None, worked_on: Place | None) -> None:
    """Raises AnotherDatabase where it is certain that the listener's database is not the one that is worked on."""
    if heard is None or worked_on is None:
        return
    if (heard.name, heard.oid) != (worked_on.name, worked_on.oid):
        where = f"{heard.name}, and not {worked_on.name}"
    elif None not in (heard.server, worked_on.server) and heard.server != worked_on.server:
        where = f"{heard.name} of another server"
    else:
        return
    raise AnotherDatabase(
        f"SCHEMAD_LISTEN_DSN leads to another database than SCHEMAD_DSN, {where}: "
        "no request would be heard of. Name the same one in both, or unset SCHEMAD_LISTEN_DSN"
    )
