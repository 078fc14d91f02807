"""What is measured: single arrivals, and a backlog; each beside its floor, in turns."""

import statistics
import time
from dataclasses import dataclass

from benchmarks.contenders import schemad, smallest_daemon
from benchmarks.smallest_daemon import CHANNEL
from benchmarks.table import PAYLOAD, bare_ddl
from schemad.store import Connection, connect

SUBMIT = "SELECT schemad.submit_request('bench', $1, $2)"
TIMES = """
SELECT count(*) AS made, extract(epoch FROM max(processed_at) - min(processed_at))::double precision AS seconds
FROM schemad.schema_requests
WHERE schema_name LIKE $1 AND status = 'approved'
"""
BATCH = 50


@dataclass(frozen=True, slots=True)
class Ratio:
    """A measurement and its floor, in the same unit, medians over pairs."""

    what: str
    unit: str
    measured: float
    floor: float
    better: str

    @property
    def value(self) -> float:
        """Measured by floor."""
        return self.measured / self.floor


async def single_arrivals(schemad_dsn: str, floor_dsn: str, samples: int) -> list[Ratio]:
    """Commit → table visible, one request at a time, schemad and floor in turns. Milliseconds."""
    ours: list[float] = []
    floors: list[float] = []
    asking = await connect(schemad_dsn, job="bench")
    seeing = await connect(schemad_dsn, job="bench")
    floor_asking = await connect(floor_dsn, job="bench")
    floor_seeing = await connect(floor_dsn, job="bench")
    async with schemad(schemad_dsn), smallest_daemon(floor_dsn):
        for number in range(samples + 10):
            name = f"arrival_{number}"
            await asking.fetchval(SUBMIT, name, PAYLOAD)
            took = await _until_visible(seeing, name)
            await floor_asking.execute("SELECT pg_notify($1, $2)", CHANNEL, name)
            floor_took = await _until_visible(floor_seeing, name)
            if number >= 10:  # the first ones fill caches
                ours.append(took)
                floors.append(floor_took)
    for connection in (asking, seeing, floor_asking, floor_seeing):
        connection.terminate()
    return [
        Ratio("single arrival, p50", "ms", statistics.median(ours), statistics.median(floors), "less"),
        Ratio("single arrival, p99", "ms", _p99(ours), _p99(floors), "less"),
    ]


async def backlog(schemad_dsn: str, floor_dsn: str, tables: int, label: str) -> Ratio:
    """A backlog that waits when the daemon starts, against raw CREATE TABLE in transactions of the same size.

    Tables a second. The daemon's start is not counted: the clock runs from its first table to its last.
    """
    asking = await connect(schemad_dsn, job="bench")
    await asking.executemany(SUBMIT, [(f"backlog_{label}_{n}", PAYLOAD) for n in range(tables)])
    async with schemad(schemad_dsn):
        times = await asking.fetchrow(TIMES, f"backlog\\_{label}\\_%")
    assert times is not None
    assert times["made"] == tables
    # The first batch's own time is before its processed_at, which is why one batch is taken off.
    rate = (tables - BATCH) / times["seconds"]
    asking.terminate()

    raw = await connect(floor_dsn, job="bench")
    started = time.perf_counter()
    for first in range(0, tables, BATCH):
        names = [f"backlog_{label}_{n}" for n in range(first, min(first + BATCH, tables))]
        await raw.execute("BEGIN;" + ";".join(bare_ddl(name) for name in names) + ";COMMIT")
    floor = tables / (time.perf_counter() - started)
    raw.terminate()
    return Ratio(f"backlog of {tables:,}, {BATCH} a transaction", "tables/s", rate, floor, "more")


async def _until_visible(connection: Connection, name: str) -> float:
    """Milliseconds until the table is there, asked for without pause."""
    started = time.perf_counter()
    while not await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_class WHERE relname = $1 AND relnamespace = 'public'::regnamespace)",
        name,
    ):
        pass
    return (time.perf_counter() - started) * 1000


def _p99(samples: list[float]) -> float:
    return statistics.quantiles(samples, n=100)[98]
