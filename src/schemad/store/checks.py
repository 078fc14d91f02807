"""Checks: whether a daemon would work on this database, and for what would not, the command that mends it."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass

import asyncpg

from schemad.settings import Settings
from schemad.store.connect import Connection
from schemad.store.migrate import SchemaMismatch, require_current_schema
from schemad.store.sql_files import query

OLDEST_SERVER = 15
PROBE_TIMEOUT = 3.0


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. `mend` is empty where it is as it should be."""

    name: str
    found: str
    mend: str = ""

    @property
    def passed(self) -> bool:
        """Whether it is as it should be."""
        return not self.mend


async def check_all(connection: Connection, settings: Settings) -> AsyncIterator[Check]:
    """Looks at the server, the schema, the privileges of this role and the way of notifications.

    Args:
        connection: As the daemon would connect.
        settings: What the environment says to the daemon.
    """
    yield _server(connection)
    schema = await _schema(connection)
    yield schema
    if schema.passed:
        async for check in _privileges(connection):
            yield check
        yield await _queue(connection)
    polling = f"the queue is looked at every {settings.poll_interval:g} s"
    if not settings.listen:
        yield Check("notifications", f"SCHEMAD_LISTEN is off: {polling}")
    elif schema.passed and await connection.fetchval(query("notifies")) is False:
        yield Check("notifications", f"the policy's notify is off: {polling}")
    else:
        yield await _notifications(connection)


def _server(connection: Connection) -> Check:
    version = connection.get_server_version()
    found = f"PostgreSQL {version.major}.{version.minor}"
    old = version.major < OLDEST_SERVER
    return Check("server", found, f"upgrade to PostgreSQL {OLDEST_SERVER} or newer" if old else "")


async def _schema(connection: Connection) -> Check:
    try:
        await require_current_schema(connection)
    except SchemaMismatch as mismatch:
        return Check("schema", "not current", str(mismatch))
    except asyncpg.InsufficientPrivilegeError:
        row = await connection.fetchrow(query("role"))
        role, has_roles = (row["role"], row["has_roles"]) if row else ("this role", False)
        mend = f"GRANT schemad_daemon TO {role};" if has_roles else "use the role that ran `schemad migrate`"
        return Check("schema", f"{role} may not read it", mend)
    return Check("schema", "current")


async def _privileges(connection: Connection) -> AsyncIterator[Check]:
    row = await connection.fetchrow(query("privileges"))
    if row is None:
        return
    role, owner, table_schema = row["role"], row["owner_role"], row["table_schema"]
    yield Check(
        "daemon's privileges",
        f"{role} {'has' if row['may_apply'] else 'lacks'} what the daemon needs",
        "" if row["may_apply"] else f"GRANT schemad_daemon TO {role};",
    )
    if owner is None or not row["may_apply"]:
        return  # what schemad_daemon brings along is not to be granted by itself
    mend = "" if row["may_own"] else f"GRANT {owner} TO {role};"
    if not row["has_owner"]:
        mend = (
            f"CREATE ROLE {owner}; GRANT {owner} TO {role}; or name another owner: schemad policy set owner_role"
        )
    yield Check("owner of tables", owner, mend)
    grants = []
    if not row["has_schema"]:
        grants.append(f"CREATE SCHEMA {table_schema};")
    if row["has_owner"] and not row["may_create"]:
        grants.append(f"GRANT USAGE, CREATE ON SCHEMA {table_schema} TO {owner};")
    if not row["requesters_may_use"]:
        grants.append(f"GRANT USAGE ON SCHEMA {table_schema} TO schemad_requester;")
    yield Check("schema of tables", table_schema, " ".join(grants))


async def _queue(connection: Connection) -> Check:
    row = await connection.fetchrow(query("queue_state"))
    if row is None:
        return Check("queue", "empty")
    mend = ""
    if row["queued"] and not row["workers"]:
        mend = "start a daemon: schemad run"
    daemons = f"{row['workers']} {'daemon' if row['workers'] == 1 else 'daemons'}"
    found = f"{row['queued']} to assess, {row['held']} held, {daemons} connected"
    return Check("queue", found, mend)


async def _notifications(connection: Connection) -> Check:
    heard = asyncio.Event()
    channel = f"schemad_probe_{connection.get_server_pid()}"
    await connection.add_listener(channel, lambda *_: heard.set())
    await connection.execute(query("probe"), channel)
    try:
        async with asyncio.timeout(PROBE_TIMEOUT):
            await heard.wait()
    except TimeoutError:
        return Check(
            "notifications",
            "do not come through",
            "this looks like a pooler in transaction mode: set SCHEMAD_LISTEN_DSN to PostgreSQL itself",
        )
    return Check("notifications", "come through")
