"""The invariants: promises in SQL, checked once everything is calm."""

import asyncio
import re
from dataclasses import dataclass
from pathlib import Path

from schemad.store import Connection
from tests.chaos.ledger import Ledger

_FILE = Path(__file__).with_name("invariants.sql")
_HEADER = re.compile(r"^-- promise: (.+)$", re.MULTILINE)
# Backends take a moment to end after their clients have gone.
PATIENCE = 20.0
# What takes longer has no plan fit for tens of thousands of requests.
QUERY_TIMEOUT = 60.0
GONE = (
    "SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() "
    "AND backend_type = 'client backend' AND pid <> pg_backend_pid()) FROM pg_sleep(0.02)"
)


@dataclass(frozen=True, slots=True)
class Violation:
    """A promise, and a case in which it was broken."""

    promise: str
    case: str


def promises() -> dict[str, str]:
    """Each promise with the query for the cases in which it is broken."""
    parts = _HEADER.split(_FILE.read_text(encoding="utf-8"))
    return dict(zip(parts[1::2], parts[2::2], strict=True))


async def violations(admin: Connection, ledger: Ledger, patience: float = PATIENCE) -> list[Violation]:
    """Every case in which a promise was broken.

    Args:
        admin: A superuser's connection; daemons and requesters have gone.
        ledger: What requesters were told.
        patience: Seconds for the last sessions to end.
    """
    await admin.execute(
        "CREATE SCHEMA IF NOT EXISTS chaos; DROP TABLE IF EXISTS chaos.ledger; "
        "CREATE TABLE chaos.ledger (role text, key text, request_id integer)"
    )
    rows = [(entry.role, entry.key, entry.request_id) for entry in ledger.asked]
    # Each of some columns depends on others, or is within JSON: by what it makes of that, the planner takes loops.
    await admin.execute("SET enable_nestloop = off")
    await admin.execute("SET jit = off")
    await admin.copy_records_to_table("ledger", schema_name="chaos", records=rows)
    await admin.execute("ANALYZE")
    deadline = asyncio.get_running_loop().time() + patience
    while not await admin.fetchval(GONE) and asyncio.get_running_loop().time() < deadline:
        pass
    found = []
    for promise, query in promises().items():
        found += [Violation(promise, row[0] or "NULL") for row in await admin.fetch(query, timeout=QUERY_TIMEOUT)]
    return found
