"""`python -m benchmarks.duties`: how long an arrival and a backlog take with one duty less, then with two less.

Each contender is a daemon as `schemad run` starts it, on a database whose functions do without the duty in its
name and those before it. What is left in the end is a queue, a second round trip, judging and planning. Beside
them stand the database's part of everything without a daemon's, the least that has a queue, a second round trip
and records, the smallest daemon, which has none of that, raw `CREATE TABLE`, and a naive daemon, which does
everything one statement after the other. They run in turns, in another order each time, and each repetition is
on new databases.
"""

import argparse
import asyncio
import contextlib
import os
import statistics
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.cpu import cpu
from benchmarks.duties.recorder import recorder
from benchmarks.duties.sql_alone import sql_alone
from schemad.bench.contenders import Running, naive_daemon, schemad, smallest_daemon
from schemad.bench.databases import Databases, session
from schemad.bench.load import WARM_UP, in_turns, make_raw_anew, submit, until_there, warm_up, work_off
from schemad.bench.smallest_daemon import CHANNEL
from schemad.bench.sql import query
from schemad.embedded import EmbeddedPostgres
from schemad.settings import Settings
from schemad.store import Connection

WITHOUT = Path(__file__).parent / "without"
# In the order in which they are left out.
DUTIES = ("proof", "grants", "barrier", "claim", "facts", "records")
FUNCTIONS = "SELECT count(*) FROM pg_proc AS p WHERE p.pronamespace = 'schemad'::regnamespace"
EVERYTHING = "schemad"
SQL_ALONE = "schemad's SQL alone"
RECORDER = "least that records"
SMALLEST = "smallest daemon"
NAIVE = "naive daemon"
RAW = "raw CREATE TABLE"

# All but those that are schemad, whatever is left out.
OTHERS = {SQL_ALONE: sql_alone, RECORDER: recorder, SMALLEST: smallest_daemon, NAIVE: naive_daemon}

Times = dict[str, list[float]]
ByContender = dict[str, float]


async def doing_without(databases: Databases, duties: Sequence[str]) -> str:
    """A new database with schemad in it, but for these duties; its DSN."""
    dsn = await databases.new()
    async with session(dsn) as connection:
        await leave_out(connection, duties)
    return dsn


async def leave_out(connection: Connection, duties: Sequence[str]) -> None:
    """Replaces the functions of a database by such as do without these duties."""
    before = await connection.fetchval(FUNCTIONS)
    for duty in duties:
        await connection.execute((WITHOUT / f"{duty}.sql").read_text(encoding="utf-8"))
    # One with other parameters would stand beside it, and nobody would call it.
    assert await connection.fetchval(FUNCTIONS) == before


async def places(databases: Databases) -> dict[str, str]:
    """A database for each contender that has a queue, by its name."""
    names = [EVERYTHING, *(f"… without {duty}" for duty in DUTIES)]
    places = {name: await doing_without(databases, DUTIES[:count]) for count, name in enumerate(names)}
    return places | {SQL_ALONE: await databases.new(), RECORDER: await databases.new()}


def running(contender: str, dsn: str) -> Running:
    """A contender as a process, on its database."""
    return OTHERS.get(contender, schemad)(dsn)


async def arrivals(databases: Databases, samples: int) -> tuple[ByContender, ByContender]:
    """Of single arrivals, by contender.

    Returns:
        Milliseconds from a request's commit until its table is there, the median; and milliseconds of CPU that the
        daemon's process took for a request, what it does after the commit included.
    """
    dsns = await places(databases) | {SMALLEST: await databases.new(installed=False)}
    times: Times = {contender: [] for contender in dsns}
    async with contextlib.AsyncExitStack() as stack:
        daemons = {
            contender: await stack.enter_async_context(running(contender, dsn)) for contender, dsn in dsns.items()
        }
        before: ByContender = {}
        asking = {c: await stack.enter_async_context(session(dsn)) for c, dsn in dsns.items()}
        seeing = {c: await stack.enter_async_context(session(dsn)) for c, dsn in dsns.items()}
        for number, contender in in_turns(samples + WARM_UP, list(dsns)):
            name = f"arrival_{number}"
            if number == WARM_UP:
                before[contender] = cpu(daemons[contender].pid)
            if contender == SMALLEST:
                await asking[contender].execute(query("notify"), CHANNEL, name)
            else:
                await submit(asking[contender], name)
            took = await until_there(seeing[contender], name)
            if number >= WARM_UP:
                times[contender].append(took)
        taken = {c: (cpu(daemon.pid) - before[c]) / samples for c, daemon in daemons.items()}
    return {contender: statistics.median(each) for contender, each in times.items()}, taken


async def backlogs(databases: Databases, tables: int, turn: int) -> ByContender:
    """Milliseconds a table of a backlog, by contender."""
    settings = Settings()
    dsns = await places(databases) | {NAIVE: await databases.new()}
    contenders = [*dsns, RAW]
    each = {}
    first = turn % len(contenders)
    for contender in contenders[first:] + contenders[:first]:
        if contender == RAW:
            seconds = await make_raw_anew(databases, settings.appliers, tables, settings.batch_size)
        else:
            dsn = dsns[contender]
            async with running(contender, dsn), session(dsn) as connection:
                await warm_up(connection)
                seconds = await work_off(connection, "backlog", tables)
        each[contender] = seconds / tables * 1000
    return each


def table(title: str, repetitions: Sequence[ByContender], floor: str, taken: Sequence[ByContender] = ()) -> Table:
    """A row for each contender: its median, by the floor's in the same repetition, and what the duty costs."""
    shown = Table(title, "ms", "by the floor's", "less than above, ms", "daemon's CPU, ms")
    for column in shown.columns[1:]:
        column.justify = "right"
    before = ""
    for contender in repetitions[0]:
        took = statistics.median(each[contender] for each in repetitions)
        ratio = statistics.median(each[contender] / each[floor] for each in repetitions)
        # Only between two schemads is the difference one duty's.
        is_duty = contender.startswith("…")
        cost = statistics.median(each[before] - each[contender] for each in repetitions) if is_duty else None
        busy = f"{statistics.median(each[contender] for each in taken):.2f}" if taken else ""
        shown.add_row(contender, f"{took:.2f}", f"{ratio:.2f}", "" if cost is None else f"{cost:+.2f}", busy)
        before = contender
    return shown


async def measure(databases: Databases, repetitions: int, samples: int, tables: int) -> list[Table]:
    """Both tables."""
    one_by_one, taken, many = [], [], []
    for turn in range(repetitions):
        took, busy = await arrivals(databases, samples)
        one_by_one.append(took)
        taken.append(busy)
        many.append(await backlogs(databases, tables, turn))
    return [
        table("single arrival", one_by_one, SMALLEST, taken),
        table("a table of a backlog", [dict(sorted(each.items(), key=_place)) for each in many], RAW),
    ]


def _place(item: tuple[str, float]) -> int:
    order = [EVERYTHING, *(f"… without {duty}" for duty in DUTIES), SQL_ALONE, RECORDER, RAW, NAIVE]
    return order.index(item[0])


def main() -> None:
    """Measures, and prints two tables."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.duties")
    parser.add_argument("--repetitions", type=int, default=5, help="how often, each on new databases (default: 5)")
    parser.add_argument("--samples", type=int, default=200, help="single arrivals each (default: 200)")
    parser.add_argument("--tables", type=int, default=1_000, help="requests in a backlog (default: 1000)")
    options = parser.parse_args()
    with (
        tempfile.TemporaryDirectory(prefix="schemad-duties-") as directory,
        EmbeddedPostgres(Path(directory) / "data", settings={"max_connections": "200"}) as server,
    ):
        databases = Databases(server.dsn(), lasting=False)
        console = Console(width=110)
        for each in asyncio.run(measure(databases, options.repetitions, options.samples, options.tables)):
            console.print(each)
        console.print(
            f"PostgreSQL {server.binaries.major}, {os.cpu_count()} cores; medians of {options.repetitions} "
            "repetitions, of which each has what its duties cost",
            highlight=False,
        )


if __name__ == "__main__":
    main()
