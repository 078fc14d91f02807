"""The schema: whether it is this version's, and what waits in it."""

import asyncpg

from schemad.store.checks.check import Check
from schemad.store.connect import Connection
from schemad.store.migrate import SchemaMismatch, require_current_schema
from schemad.store.one_row import one_row
from schemad.store.queue_state import read_queue_state


async def check_schema(connection: Connection) -> Check:
    """Looks whether the schema is there, is the right one, and may be read."""
    try:
        await require_current_schema(connection)
    except SchemaMismatch as mismatch:
        return Check("schema", "not current", str(mismatch))
    except asyncpg.InsufficientPrivilegeError:
        row = await one_row(connection, "role")
        grant = f"GRANT schemad_daemon TO {row['role']};"
        mend = grant if row["has_roles"] else "use the role that ran `schemad migrate`"
        return Check("schema", f"{row['role']} may not read it", mend)
    return Check("schema", "current")


async def check_queue(connection: Connection) -> Check:
    """Looks at what waits, and whether somebody works on it."""
    state = await read_queue_state(connection)
    queued = state.waiting["due"] + state.waiting["put_off"]
    held = state.waiting["review"] + state.waiting["failed"]
    daemons = f"{state.daemons} {'daemon' if state.daemons == 1 else 'daemons'}"
    mend = "start a daemon: schemad run" if queued and not state.daemons else ""
    return Check("queue", f"{queued} to assess, {held} held, {daemons} connected", mend)
