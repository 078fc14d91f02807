"""Connections: the one place that opens them, names them and sets their limits."""

from typing import TYPE_CHECKING

import asyncpg

if TYPE_CHECKING:
    from asyncpg import Connection as _Connection
    from asyncpg import Record

    Connection = _Connection[Record]
else:
    Connection = asyncpg.Connection

DEFAULT_TIMEOUT = 10.0

# The link is lost, and what became of the statement is not known.
LINK_LOST = (
    OSError,
    TimeoutError,
    asyncpg.PostgresConnectionError,
    asyncpg.InterfaceError,
    # What the driver says when the server ended the session just before a statement was sent.
    asyncpg.InternalClientError,
    asyncpg.AdminShutdownError,
    asyncpg.CrashShutdownError,
)

# These, and errors of the moment, on which one connects again: everything else is an answer.
LINK_ERRORS = (
    *LINK_LOST,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.PostgresSystemError,
    asyncpg.ReadOnlySQLTransactionError,
    asyncpg.TransactionRollbackError,
    asyncpg.LockNotAvailableError,
)

# What a database may have otherwise, by which text would read differently and names be written differently.
_PINNED = {
    "search_path": "pg_catalog, pg_temp",
    "standard_conforming_strings": "on",
    "quote_all_identifiers": "off",
    "array_nulls": "on",
    "transform_null_equals": "off",
    # Every statement of schemad's is short: compiling one takes longer than running it.
    "jit": "off",
}


async def connect(
    dsn: str | None,
    *,
    job: str,
    timeout: float = DEFAULT_TIMEOUT,
    lock_timeout: float | None = None,
    statement_timeout: float | None = None,
    answer_timeout: float | None = None,
    pinned: bool = False,
) -> Connection:
    """Opens a connection.

    Args:
        dsn: The database; None: PGHOST, PGUSER and so on.
        job: What the session is for; pg_stat_activity shows it as application_name.
        timeout: For connecting, in seconds.
        lock_timeout: For waiting on a lock, in seconds; None: as the server has it.
        statement_timeout: For a statement, in seconds; None: as the server has it.
        answer_timeout: Seconds after which a statement raises TimeoutError here, whatever the server does: a link
            may be dead without either end being told. None: never.
        pinned: Whether names mean PostgreSQL's own only: an operator that somebody planted in public may suit a
            varchar better than the built-in one, and would run as this role.

    Raises:
        OSError: Nobody answers.
        asyncpg.ClientConfigurationError: The DSN can't be read.
        asyncpg.PostgresError: The server refuses.
    """
    settings = {"application_name": f"schemad {job}"}
    if pinned:
        settings |= _PINNED
    if lock_timeout is not None:
        settings["lock_timeout"] = f"{round(lock_timeout * 1000)}ms"
    if statement_timeout is not None:
        settings["statement_timeout"] = f"{round(statement_timeout * 1000)}ms"
    try:
        connection: Connection = await asyncpg.connect(
            dsn, timeout=timeout, command_timeout=answer_timeout, server_settings=settings
        )
    except (ValueError, OverflowError) as error:
        # A port that is no number, or too large a one: the driver lets Python's own errors out.
        if isinstance(error, asyncpg.ClientConfigurationError):
            raise
        raise asyncpg.ClientConfigurationError(f"invalid DSN: {error}") from error
    return connection


def connection_help(error: BaseException) -> str:
    """What to say to a person whom a connection failed: what happened and what to look at."""
    match error:
        case asyncpg.InvalidCatalogNameError():
            advice = "create the database, or name another one in SCHEMAD_DSN"
        case asyncpg.InvalidAuthorizationSpecificationError():
            advice = "check the user and password in SCHEMAD_DSN"
        case asyncpg.ClientConfigurationError():
            advice = "SCHEMAD_DSN reads like postgresql://user@host:5432/database"
        case OSError() | TimeoutError():
            advice = "is PostgreSQL running there? SCHEMAD_DSN says where to look"
        case _:
            advice = "SCHEMAD_DSN says which database is meant"
    said = str(error) or type(error).__name__
    return f"can't connect to PostgreSQL: {said} ({advice})"
