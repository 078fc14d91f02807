"""`python -m benchmarks.waits`: what the sessions that make tables wait for, of a backlog and of single arrivals.

pg_stat_activity is asked a thousand times a second what each of them is at: the share of the answers is that of
the time. Raw CREATE TABLE beside schemad, with the same batches and as many connections; and the smallest daemon
beside schemad, one request at a time.
"""

import asyncio
import contextlib
import os
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

from rich.console import Console
from rich.table import Table

from schemad.bench.contenders import schemad, smallest_daemon
from schemad.bench.databases import Databases, session
from schemad.bench.load import make_raw, submit, until_there, warm_up, work_off
from schemad.bench.smallest_daemon import CHANNEL
from schemad.bench.sql import query
from schemad.embedded import EmbeddedPostgres
from schemad.settings import Settings

BACKLOG = 2_000
ARRIVALS = 400
BATCH = Settings().batch_size
CONNECTIONS = 2
INTERVAL = 0.001
# Percent of anybody's time below which a wait is not told by its name.
SMALLEST = 1.0
# The sessions that make tables, by the names that they give themselves.
AT_WORK = ["schemad applier", "schemad bench", "schemad smallest worker"]
SAMPLE = (
    "SELECT coalesce(a.wait_event_type || ': ' || a.wait_event, 'on a CPU, or ready for one') "
    "FROM pg_stat_activity AS a "
    "WHERE a.state = 'active' AND a.application_name = ANY ($1) AND a.datname = $2 AND a.pid <> pg_backend_pid()"
)


@contextlib.asynccontextmanager
async def watched(server: EmbeddedPostgres, dsn: str) -> AsyncIterator[Counter[str]]:
    """What the sessions at work in a database were at, counted as long as it is entered."""
    seen: Counter[str] = Counter()
    name = dsn.rpartition("/")[2].partition("?")[0]

    async def watch() -> None:
        async with session(server.dsn()) as connection:
            while True:
                seen.update(row[0] for row in await connection.fetch(SAMPLE, AT_WORK, name))
                await asyncio.sleep(INTERVAL)

    watching = asyncio.create_task(watch())
    try:
        yield seen
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)


async def measure(server: EmbeddedPostgres) -> dict[str, Counter[str]]:
    """What each contender's sessions were at."""
    databases = Databases(server.dsn(), lasting=False)
    seen = {}
    bare = await databases.new(installed=False)
    async with contextlib.AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(session(bare)) for _ in range(CONNECTIONS)]
        await make_raw(opened, "warm_up", BATCH, BATCH)
        async with watched(server, bare) as seen["raw, backlog"]:
            await make_raw(opened, "backlog", BACKLOG, BATCH)

    ours = await databases.new()
    async with schemad(ours, SCHEMAD_APPLIERS=str(CONNECTIONS)), session(ours) as connection:
        await warm_up(connection)
        async with watched(server, ours) as seen["schemad, backlog"]:
            await work_off(connection, "backlog", BACKLOG)
        async with watched(server, ours) as seen["schemad, arrivals"]:
            for number in range(ARRIVALS):
                await submit(connection, f"arrival_{number}")
                await until_there(connection, f"arrival_{number}")

    floor = await databases.new(installed=False)
    async with (
        smallest_daemon(floor),
        session(floor) as connection,
        watched(server, floor) as seen["smallest daemon, arrivals"],
    ):
        for number in range(ARRIVALS):
            await connection.execute(query("notify"), CHANNEL, f"arrival_{number}")
            await until_there(connection, f"arrival_{number}")
    return seen


def table(seen: dict[str, Counter[str]]) -> Table:
    """A row for each wait that was seen, a column for each contender: percent of its time at work."""
    shown = Table("% of the time at work", *seen)
    shares = {
        wait: [100 * each[wait] / each.total() for each in seen.values()]
        for wait in sorted({wait for each in seen.values() for wait in each})
    }
    told = sorted((wait for wait in shares if max(shares[wait]) >= SMALLEST), key=lambda wait: -max(shares[wait]))
    for wait in told:
        shown.add_row(wait, *(f"{share:.1f}" for share in shares[wait]))
    others = (sum(share) for share in zip(*(shares[wait] for wait in shares.keys() - set(told)), strict=True))
    shown.add_row("others", *(f"{share:.1f}" for share in others))
    shown.add_row("samples", *(f"{each.total():,}" for each in seen.values()))
    return shown


def main() -> None:
    """Measures, and prints a table."""
    with (
        tempfile.TemporaryDirectory(prefix="schemad-waits-") as directory,
        EmbeddedPostgres(Path(directory) / "data") as server,
    ):
        console = Console()
        console.print(table(asyncio.run(measure(server))))
        console.print(f"PostgreSQL {server.binaries.major}, {os.cpu_count()} cores", highlight=False)


if __name__ == "__main__":
    main()
