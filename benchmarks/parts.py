"""`python -m benchmarks.parts`: what each part of a request costs in CPU, for one request and for one of many.

CPU of the server's process (of this one where Python decides), read from /proc, which Linux has: other work on the
machine changes it little. Each part is a statement of its own here; the daemon sends one for all of them.
"""

import asyncio
import json
import os
import statistics
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.cpu import cpu
from schemad.bench.table import PAYLOAD, bare_ddl
from schemad.ddl import Verdict, decide
from schemad.embedded import EmbeddedPostgres
from schemad.policy import Policy
from schemad.store import Connection, DecidedRequest, Queue, connect, migrate
from schemad.store.decided import decision_row

POLICY = "(SELECT p FROM schemad.policy AS p)"
SUBMIT = "SELECT count(schemad.submit_request('bench', n, $2))::text FROM unnest($1::text[]) AS n"
CLAIM = f"SELECT schemad.claim_batch({POLICY}, $1::jsonb)::text"
RUN = f"SELECT schemad.run_batch({POLICY}, $1::jsonb, $2::text::schemad.outcome[], false)::text"
PROVE = f"SELECT schemad.prove_batch($1::jsonb, {POLICY})::text"
RECORD = f"SELECT schemad.record_batch({POLICY}, $1::jsonb, $2::text::schemad.outcome[])::text"
WARM_UP = 5


@dataclass(slots=True)
class Costs:
    """Milliseconds of CPU a request, a figure for each batch, by part."""

    batch: int
    by_part: dict[str, list[float]] = field(default_factory=dict)

    def add(self, part: str, milliseconds: float) -> None:
        """Adds what a part cost for a whole batch."""
        self.by_part.setdefault(part, []).append(milliseconds / self.batch)

    async def query(self, part: str, connection: Connection, sql: str, *arguments: object) -> str:
        """The answer of a query, which is one value; adds what it cost the server."""
        before = cpu(connection.get_server_pid())
        answer: str = await connection.fetchval(sql, *arguments)
        self.add(part, cpu(connection.get_server_pid()) - before)
        return answer


@dataclass(frozen=True, slots=True)
class Sessions:
    """Who does what, as in life: requester, intake and applier; and one for bare tables, in another database."""

    asking: Connection
    reading: Connection
    applying: Connection
    bare: Connection


async def batch(sessions: Sessions, costs: Costs, number: int, policy: Policy) -> None:
    """Has a batch of tables made, part by part, and as many bare ones."""
    names = [f"table_{costs.batch}_{number}_{n}" for n in range(costs.batch)]
    await costs.query("submit: check and insert", sessions.asking, SUBMIT, names, PAYLOAD)

    before = cpu(sessions.reading.get_server_pid())
    requests = (await Queue(sessions.reading).candidates(costs.batch)).requests
    costs.add("read, with facts", cpu(sessions.reading.get_server_pid()) - before)
    assert len(requests) == costs.batch

    started = time.process_time()
    batch = [
        DecidedRequest(r, decide(r.schema_name, r.payload, policy, r.facts, requested_by=r.requested_by))
        for r in requests
    ]
    rows = [decision_row(decided) for decided in batch]
    decisions, proofs = json.dumps(rows), json.dumps([row["proof"] for row in rows])
    costs.add("decide, in Python", (time.process_time() - started) * 1000)
    assert all(decided.decision.verdict is Verdict.AUTO for decided in batch)

    applying = sessions.applying
    before = cpu(applying.get_server_pid())
    await applying.execute("BEGIN")
    claimed = await costs.query("claim", applying, CLAIM, decisions)
    done = await costs.query("run and prove", applying, RUN, decisions, claimed)
    await costs.query("prove once more", applying, PROVE, proofs)
    await costs.query("record", applying, RECORD, decisions, done)
    await applying.execute("COMMIT")
    costs.add("claim … commit, in all", cpu(applying.get_server_pid()) - before)

    before = cpu(sessions.bare.get_server_pid())
    await sessions.bare.execute("BEGIN;" + ";".join(bare_ddl(name) for name in names) + ";COMMIT")
    costs.add("bare CREATE TABLE … commit", cpu(sessions.bare.get_server_pid()) - before)


async def measure(server: EmbeddedPostgres, size: int, batches: int) -> Costs:
    """What batches of a size cost, in databases of their own."""
    administrator = await connect(server.dsn(), job="parts")
    for name in (f"ours_{size}", f"bare_{size}"):
        await administrator.execute(f"CREATE DATABASE {name}")
    await administrator.close()
    ours = server.dsn(f"ours_{size}")
    sessions = Sessions(
        await connect(ours, job="parts"),
        await connect(ours, job="parts", pinned=True),
        await connect(ours, job="parts", pinned=True),
        await connect(server.dsn(f"bare_{size}"), job="parts"),
    )
    await migrate(sessions.asking)
    policy, costs = await Queue(sessions.reading).policy(), Costs(size)
    for number in range(WARM_UP + batches):
        await batch(sessions, costs, number, policy)
    for connection in (sessions.asking, sessions.reading, sessions.applying, sessions.bare):
        connection.terminate()
    return Costs(size, {part: each[WARM_UP:] for part, each in costs.by_part.items()})


def table(*measured: Costs) -> Table:
    """A row for each part."""
    sizes = [f"{costs.batch} a batch" for costs in measured]
    shown = Table("ms of CPU a request", *sizes)
    for part in measured[0].by_part:
        shown.add_row(part, *(f"{statistics.median(costs.by_part[part]):.3f}" for costs in measured))
    return shown


def main() -> None:
    """Measures, and prints a table."""
    with (
        tempfile.TemporaryDirectory(prefix="schemad-parts-") as directory,
        EmbeddedPostgres(Path(directory) / "data") as server,
    ):
        alone = asyncio.run(measure(server, 1, 200))
        together = [asyncio.run(measure(server, size, 1000 // size)) for size in (25, 50)]
        console = Console()
        console.print(table(alone, *together))
        console.print(f"PostgreSQL {server.binaries.major}, {os.cpu_count()} cores; medians", highlight=False)


if __name__ == "__main__":
    main()
