"""The place: which database a connection leads to, whatever address it was opened with."""

import asyncpg

from schemad.store.connect import Connection
from schemad.store.one_row import one_row


class AnotherDatabase(Exception):
    """SCHEMAD_LISTEN_DSN and SCHEMAD_DSN lead to different databases: no notification would ever be heard."""

    def __init__(self, heard: str, worked_on: str) -> None:
        where = f"{heard}, and not {worked_on}" if heard != worked_on else f"a {heard} of another server"
        super().__init__(
            f"SCHEMAD_LISTEN_DSN leads to another database than SCHEMAD_DSN, {where}: "
            "no request would be heard of. Name the same one in both, or unset SCHEMAD_LISTEN_DSN"
        )


async def require_same_place(listening: Connection, working: Connection) -> None:
    """Raises AnotherDatabase unless both lead to the same database, of its primary or of a standby.

    Where a login may not ask which server it is on, nothing is compared.

    Raises:
        AnotherDatabase: They don't.
        OSError, asyncpg.PostgresError: One of them does not answer.
    """
    try:
        # In a transaction, as a pooler may give each half of a query to another of its sessions.
        async with listening.transaction():
            heard = await one_row(listening, "place")
        worked_on = await one_row(working, "place")
    except asyncpg.InsufficientPrivilegeError:
        return
    if heard != worked_on:
        raise AnotherDatabase(heard["name"], worked_on["name"])
