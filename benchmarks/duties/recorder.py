"""The least that keeps a queue and schemad's records: read what waits, then tables and records in one round trip.

It judges, plans and proves nothing, grants nothing, claims nothing and survives nothing. A program of its own;
SCHEMAD_DSN names the database, which has schemad in it.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
import uvloop

from benchmarks.duties.consumer import consume
from schemad.bench.contenders import Running, process
from schemad.bench.table import FIELDS, bare_ddl
from schemad.ddl.render import literal
from schemad.store import Connection

READ = """
SELECT r.id, r.schema_name
FROM schemad.schema_requests AS r
WHERE r.processed_at IS NULL AND r.verdict IS NULL AND NOT r.id = ANY ($1)
ORDER BY coalesce(r.next_attempt_at, '-infinity'), r.id
LIMIT $2
"""
RECORD = """
SELECT schemad.record_batch(
  p, {decisions}, array_fill(ROW('applied', NULL, NULL)::schemad.outcome, ARRAY[{count}]))
FROM schemad.policy AS p
"""
REGISTERED: list[dict[str, Any]] = [
    {"name": name, "type": kind, "nullable": True, "default": default} for name, kind, default in FIELDS
]
# The first one is the added key, which the payload does not have.
ADDED = [field | {"position": place - 1 if place else None} for place, field in enumerate(REGISTERED)]


def recorder(dsn: str) -> Running:
    """This program, at work on a database."""
    return process("-m", "benchmarks.duties.recorder", ready="ready", SCHEMAD_DSN=dsn)


async def main() -> None:
    """Works the queue off."""
    await consume("recorder", _read, _make, pinned=False)


async def _read(connection: Connection, in_hand: Mapping[int, str], limit: int) -> Sequence[asyncpg.Record]:
    return await connection.fetch(READ, list(in_hand), limit)


async def _make(connection: Connection, requests: Sequence[asyncpg.Record]) -> None:
    """Makes the tables of a batch, with their records, in one transaction and one round trip."""
    scripts = [bare_ddl(request["schema_name"]) for request in requests]
    rows = [_decision(request, script) for request, script in zip(requests, scripts, strict=True)]
    record = RECORD.format(decisions=literal(json.dumps(rows)), count=len(rows))
    await connection.execute(";".join(["BEGIN", *scripts, record, "COMMIT"]))


def _decision(request: asyncpg.Record, script: str) -> dict[str, Any]:
    return {
        "request_id": request["id"],
        "verdict": "auto",
        "findings": [],
        "plan_sql": script,
        "operation": "create_table",
        "summary": "created",
        "decided_by": "recorder",
        "registry": {"name": request["schema_name"], "fields": REGISTERED, "added": ADDED},
    }


if __name__ == "__main__":
    uvloop.run(main())
