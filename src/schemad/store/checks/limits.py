"""Limits: sessions, locks and time limits of the server, against what a daemon needs; and vacuuming."""

from collections.abc import AsyncIterator

from schemad.settings import Settings
from schemad.store.checks.check import Check, note
from schemad.store.checks.setting import read_settings
from schemad.store.connect import Connection
from schemad.store.one_row import one_row
from schemad.store.sql_files import query

# Entries in the table of locks that a table takes which has an identity, a key, text and a default: itself, its
# TOAST table, sequence and indexes, their types and dependencies. Counted in pg_locks on PostgreSQL 18.
LOCKS_A_TABLE = 10


async def check_limits(connection: Connection, settings: Settings) -> AsyncIterator[Check]:
    """Looks at what the server allows.

    Args:
        connection: As the daemon would connect.
        settings: What the environment says to the daemon.
    """
    yield await _connections(connection, settings)
    yield await _locks(connection, settings)
    yield await _time_limits(connection, settings)
    yield await _vacuum(connection)


def sessions_needed(settings: Settings) -> int:
    """How many sessions a daemon has at most: to read, to apply, to listen, to prune, and to be monitored."""
    return 2 + settings.appliers + settings.listen + bool(settings.metrics_addr)


async def _connections(connection: Connection, settings: Settings) -> Check:
    row = await one_row(connection, "connection_limits")
    # A daemon that runs has its sessions. This one goes before the daemon comes.
    needed = 0 if row["has_daemon"] else sessions_needed(settings) - 1
    role, database = row["role"], row["database"]
    limits = (
        (row["server_free"], "the server", "ALTER SYSTEM SET max_connections = …; and restart PostgreSQL"),
        (row["role_free"], f"the role {role}", f"ALTER ROLE {role} CONNECTION LIMIT -1;"),
        (row["database_free"], f"the database {database}", f"ALTER DATABASE {database} CONNECTION LIMIT -1;"),
    )
    for free, whose, mend in limits:
        if free is not None and free < needed:
            found = f"{whose} has {max(free, 0)} free, a daemon needs {needed}"
            return Check("connections", found, mend)
    free = min(free for free, _, _ in limits if free is not None)
    return Check("connections", f"{free} free" if needed == 0 else f"{free} free, a daemon needs {needed}")


async def _locks(connection: Connection, settings: Settings) -> Check:
    names = ("max_locks_per_transaction", "max_connections", "max_prepared_transactions")
    found = {name: s.number for name, s in (await read_settings(connection, names)).items()}
    sessions = found["max_connections"] + found["max_prepared_transactions"]
    room = found["max_locks_per_transaction"] * sessions
    needed = settings.batch_size * settings.appliers * LOCKS_A_TABLE
    if needed <= room:
        return Check("locks", f"room for {room}, batches take about {needed}")
    fitting = max(1, room // (settings.appliers * LOCKS_A_TABLE))
    return note(
        "locks",
        f"room for {room}, and batches may take {needed}: those that don't fit are undone and halved",
        f"SCHEMAD_BATCH_SIZE={fitting}, or ALTER SYSTEM SET max_locks_per_transaction = {-(-needed // sessions)}; "
        "and restart PostgreSQL",
    )


async def _time_limits(connection: Connection, settings: Settings) -> Check:
    # PostgreSQL 17 and newer. A daemon sets its other time limits itself.
    limit = (await read_settings(connection, ["transaction_timeout"])).get("transaction_timeout")
    if limit is not None and 0 < limit.seconds < settings.statement_timeout:
        found = (
            f"transaction_timeout ends a batch after {limit.seconds:g} s, and the session with it; "
            f"SCHEMAD_STATEMENT_TIMEOUT allows {settings.statement_timeout:g} s"
        )
        return Check("time limits", found, limit.set_for_role("0"))
    return Check("time limits", "leave a batch its time")


async def _vacuum(connection: Connection) -> Check:
    settings = await read_settings(connection, ["autovacuum", "track_counts"])
    for setting in settings.values():
        if setting.value == "off":
            found = f"{setting.name} is off: the queue grows slower with each request"
            return Check("vacuum", found, setting.reset("on"))
    tables = await connection.fetch(query("unvacuumed_tables"))
    if tables:
        found = "autovacuum is off for tables of schemad: the queue grows slower with each request"
        return Check("vacuum", found, " ".join(row["mend"] for row in tables))
    return Check("vacuum", "autovacuum is on")
