"""The server: its version, whether it takes writes, whether triggers fire, and its clock."""

import time
from collections.abc import AsyncIterator, Callable

from schemad import OLDEST_POSTGRES
from schemad.store.checks.check import Check, note
from schemad.store.checks.setting import read_settings
from schemad.store.connect import Connection
from schemad.store.one_row import one_row
from schemad.store.sql_files import query

ROLE = "role of the server"
# Seconds; what machines that keep time by NTP stay well below.
CLOCK_DIFFERENCE = 2.0


async def check_server(connection: Connection, clock: Callable[[], float] = time.time) -> AsyncIterator[Check]:
    """Looks at what needs no schema.

    Args:
        connection: As the daemon would connect.
        clock: This machine's, in seconds since 1970.
    """
    before = clock()
    facts = await one_row(connection, "server_facts")
    after = clock()
    yield check_version(facts["version"])
    async for check in _writes(connection, is_standby=facts["is_standby"]):
        yield check
    # What the answer took may have been spent on either way.
    apart = max(before - facts["clock"], facts["clock"] - after)
    if apart > CLOCK_DIFFERENCE:
        found = f"this machine's and the server's are {apart:.1f} s apart: ages and log lines don't agree"
        yield note("clock", found, "keep both by NTP: timedatectl set-ntp true")
    else:
        yield Check("clock", f"agrees with the server's to {max(apart, after - before, 0.001):.3f} s")


def check_version(number: int) -> Check:
    """Looks at the version, as server_version_num says it."""
    major = number // 10_000
    mend = f"upgrade to PostgreSQL {OLDEST_POSTGRES} or newer" if major < OLDEST_POSTGRES else ""
    return Check("server", f"PostgreSQL {major}.{number % 10_000}", mend)


async def _writes(connection: Connection, *, is_standby: bool) -> AsyncIterator[Check]:
    settings = await read_settings(connection, ["default_transaction_read_only", "session_replication_role"])
    read_only, replication = settings["default_transaction_read_only"], settings["session_replication_role"]
    if is_standby:
        mend = "name the primary in SCHEMAD_DSN, or every host: postgresql://user@one,two/database"
        yield Check(ROLE, "a standby: it takes neither writes nor LISTEN", mend)
    elif read_only.value == "on":
        yield Check(ROLE, "transactions are read-only", read_only.reset("off"))
    else:
        yield Check(ROLE, "primary: it takes writes")
    if replication.value != "origin":
        found = f"session_replication_role is {replication.value}: requests are not checked, and wake nobody"
        yield Check("triggers", found, replication.reset("origin"))


async def check_triggers(connection: Connection) -> Check:
    """Looks whether schemad's triggers fire.

    Args:
        connection: To a migrated database.
    """
    disabled = await connection.fetch(query("disabled_triggers"))
    if disabled:
        found = f"{len(disabled)} of schemad's do not fire: requests are not checked, or wake nobody"
        return Check("triggers of schemad", found, " ".join(row["mend"] for row in disabled))
    return Check("triggers of schemad", "enabled")
