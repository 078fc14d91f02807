"""Idle: what a daemon that has nothing to do takes from the machine and asks of the server."""

import asyncio
import os
import re
import time
from dataclasses import dataclass
from pathlib import Path

from schemad.bench.bench import Bench
from schemad.bench.contenders import driver_alone, schemad, smallest_daemon
from schemad.bench.databases import database_name, session
from schemad.bench.failure import BenchFailed
from schemad.bench.figure import Better, Reading
from schemad.bench.load import POLL, patience, warm_up
from schemad.bench.sql import query
from schemad.ddl.render import identifier

NAME = "idle"
STEPS = 20
STATEMENT = re.compile(r" LOG:  (?:statement|execute [^:]*): ")


@dataclass(frozen=True, slots=True)
class Taken:
    """What a daemon took: seconds of CPU, bytes of memory, transactions in its database, statements if known.

    `at` is when it had, in seconds: what waits for a time to pass may be late.
    """

    at: float
    cpu: float
    memory: int
    transactions: int
    statements: int | None


async def idle(bench: Bench) -> list[Reading]:
    """CPU, memory and transactions a minute of a daemon, beside the smallest daemon's in the same seconds.

    Statements a minute too, where the server's log can be read: nothing else counts them but pg_stat_statements,
    an extension that has to be loaded at the server's start. A notification that arrives is a transaction as well.

    Memory also beside that of the driver alone, as the smallest daemon has some of schemad's modules in it.
    Once, whatever the repetitions: it takes as long as it takes.
    """
    places = {"ours": await bench.databases.new(), "floor": await bench.databases.new(installed=False)}
    window = bench.sizes.window
    await _log_statements(bench, places["ours"])
    async with (
        schemad(places["ours"]) as ours,
        smallest_daemon(places["floor"]) as floor,
        driver_alone() as driver,
    ):
        async with session(places["ours"]) as connection:
            await warm_up(connection)
        pids = {"ours": ours.pid, "floor": floor.pid}
        # What they did at their start is to be counted before, not within.
        bench.tell(NAME, 0.0)
        await asyncio.sleep(bench.sizes.settle)
        before = {which: await _taken(bench, pids[which], places[which]) for which in pids}
        for _ in bench.steps(NAME, STEPS):
            await asyncio.sleep(window / STEPS)
        after = {which: await _taken(bench, pids[which], places[which]) for which in pids}
        _, alone = _of_process(driver.pid)
    minutes = {which: (after[which].at - before[which].at) / 60 for which in pids}
    transactions = {which: await _transactions_at_the_end(bench, places[which]) for which in places}
    percents = {which: (after[which].cpu - before[which].cpu) / minutes[which] / 60 * 100 for which in pids}
    asked = {which: (transactions[which] - before[which].transactions) / minutes[which] for which in pids}
    megabytes = {which: after[which].memory / 1e6 for which in pids}
    what = {"CPU": ("%", percents), "memory": ("MB", megabytes), "transactions": ("/min", asked)}
    readings = [
        *(
            Reading(NAME, name, "smallest daemon", unit, Better.LESS, values["ours"], values["floor"])
            for name, (unit, values) in what.items()
        ),
        Reading(NAME, "memory", "asyncpg alone", "MB", Better.LESS, megabytes["ours"], alone / 1e6),
    ]
    first, last = before["ours"].statements, after["ours"].statements
    if first is not None and last is not None:
        statements = (last - first) / minutes["ours"]
        readings.append(Reading(NAME, "statements", "", "/min", Better.LESS, statements, None))
    return readings


async def _taken(bench: Bench, pid: int, dsn: str) -> Taken:
    cpu, memory = _of_process(pid)
    return Taken(time.monotonic(), cpu, memory, await _transactions(bench, dsn), _statements(bench))


def _of_process(pid: int) -> tuple[float, int]:
    """Seconds of CPU that a process took so far, to a hundredth, and its resident memory in bytes."""
    try:
        # After the name, which is in parentheses and may hold anything: state is the first, utime the twelfth.
        values = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError as error:
        raise BenchFailed(f"what process {pid} takes is read from /proc, which Linux has: {error}") from error
    user, system, pages = int(values[11]), int(values[12]), int(values[21])
    return (user + system) / os.sysconf("SC_CLK_TCK"), pages * os.sysconf("SC_PAGE_SIZE")


async def _transactions(bench: Bench, dsn: str) -> int:
    """Transactions in a database so far, committed or not, asked for in another one so that asking isn't counted.

    Autovacuum's visits are counted too: the floor, which sends nothing, has them as well.
    """
    async with session(bench.databases.dsn) as connection:
        number: int = await connection.fetchval(query("transactions"), database_name(dsn))
    return number


async def _log_statements(bench: Bench, dsn: str) -> None:
    """Has the server log the statements of sessions that begin in a database from now on."""
    if bench.server_log is not None:
        async with session(bench.databases.dsn) as connection:
            await connection.execute(f"ALTER DATABASE {identifier(database_name(dsn))} SET log_statement = 'all'")


def _statements(bench: Bench) -> int | None:
    """Statements that the server has logged so far; None where its log can't be read."""
    if bench.server_log is None:
        return None
    return len(STATEMENT.findall(bench.server_log.read_text(encoding="utf-8", errors="replace")))


async def _transactions_at_the_end(bench: Bench, dsn: str) -> int:
    """The same, once all sessions of a killed daemon have ended, and so reported."""
    async with session(bench.databases.dsn) as connection, patience("the sessions of a killed daemon end"):
        while await connection.fetchval(query("sessions"), database_name(dsn)):  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(POLL)
    return await _transactions(bench, dsn)
