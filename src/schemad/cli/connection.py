"""The connection of a verb: opened for it, with progress where that takes long, and closed after it."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from schemad.cli.options import settings_with
from schemad.cli.progress import progress
from schemad.settings import Settings
from schemad.store import Connection, connect
from schemad.store.connect import connect_pinned
from schemad.store.hosts import writable_if_any

Result = TypeVar("Result")


async def with_connection(
    dsn: str | None, work: Callable[[Connection], Awaitable[Result]], *, pinned: bool = True
) -> Result:
    """Opens a connection, works with it, and closes it.

    Of several hosts it is to one that takes writes; where none does, to any: what only reads works there too.

    Args:
        dsn: The database, where the command line has one.
        work: What to do with it.
        pinned: Whether names mean PostgreSQL's own only. A DBA may do much, and so could whatever was planted in
            public and ran for one; only what looks a name up as the DBA would goes without.
    """
    settings = settings_with(dsn)
    with progress("connecting to PostgreSQL"):
        connection = await writable_if_any(lambda writable: _open(settings, pinned=pinned, writable=writable))
    try:
        return await work(connection)
    finally:
        connection.terminate()


async def _open(settings: Settings, *, pinned: bool, writable: bool) -> Connection:
    job, timeout = "command line", settings.connect_timeout
    if pinned:
        return await connect_pinned(settings.dsn, job=job, timeout=timeout, writable=writable)
    return await connect(settings.dsn, job=job, timeout=timeout, writable=writable, poolable=True)
