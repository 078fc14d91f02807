"""Growth: what a request costs in a database that holds much already, beside one that holds little."""

import contextlib
import statistics
from collections.abc import Awaitable, Callable

from schemad.bench.bench import Bench
from schemad.bench.contenders import schemad
from schemad.bench.databases import session
from schemad.bench.figure import Better, Reading
from schemad.bench.load import WARM_UP, in_turns, make_raw, submit, until_there, warm_up, work_off
from schemad.bench.sql import query
from schemad.bench.table import PAYLOAD
from schemad.store import Connection

NAME = "growth"
# Bursts a repetition.
BURSTS = 4
GROWN, SMALL = "grown", "small"
# Of a connection and a name for what is made, the milliseconds that it took.
Measured = Callable[[Connection, str], Awaitable[float]]


async def growth(bench: Bench) -> list[Reading]:
    """Milliseconds a table beside those in a small database: with more tables, and with many old requests.

    The first size beside itself shows what is noise.
    """
    readings = []
    smallest = bench.sizes.growth[0]
    there = 0
    async with contextlib.AsyncExitStack() as stack:
        dsn = await bench.databases.new()
        await stack.enter_async_context(schemad(dsn))
        grown = await stack.enter_async_context(session(dsn))
        for size in bench.sizes.growth:
            bench.tell(f"{NAME}: making tables, up to {size:,}", 0.0)
            await work_off(grown, f"up_to_{size}", max(size - there, 0))
            there = size + _added(bench)
            readings += await _beside_a_small_one(bench, grown, f"{size:,} tables", smallest, size)
    readings += await _old_requests(bench, smallest)
    return readings


def _added(bench: Bench) -> int:
    """How many tables measuring adds to a database."""
    return bench.sizes.repetitions * (bench.sizes.arrivals + 2 * BURSTS * bench.sizes.burst) + WARM_UP


async def _old_requests(bench: Bench, smallest: int) -> list[Reading]:
    dsn, count = await bench.databases.new(), bench.sizes.old_requests
    what = f"{count:,} old requests"
    async with session(dsn) as old:
        bench.tell(f"{NAME}: {what}", 0.0)
        await old.execute(query("triggers_off"))
        await old.execute(query("old_requests"), count, PAYLOAD)
        await old.execute(query("wakeups_on"))
        await old.execute(query("vacuum"))
        async with schemad(dsn):
            await work_off(old, "first", smallest)
            return await _beside_a_small_one(bench, old, what, smallest)


async def _beside_a_small_one(
    bench: Bench, grown: Connection, what: str, smallest: int, size: int | None = None
) -> list[Reading]:
    """Requests to a database in turns with requests to a new one that has so many tables only."""
    readings = []
    dsn, burst = await bench.databases.new(), bench.sizes.burst
    async with schemad(dsn), session(dsn) as small:
        await work_off(small, "first", smallest)
        label = f"at_{size or 'old'}"
        for connection in (grown, small):
            await warm_up(connection, label)
        for number in bench.steps(f"{NAME}: {what}"):
            costs = {
                "single, p50": await _single(grown, small, f"{label}_{number}", bench.sizes.arrivals),
                f"{burst} at once": await _bursts(grown, small, f"{label}_{number}_burst", burst),
                # PostgreSQL's own catalog has grown as well.
                "raw CREATE TABLE": await _raw(grown, small, f"{label}_{number}_raw", burst),
            }
            against = f"{smallest:,} tables"
            for kind, (measured, floor) in costs.items():
                kind_of = f"{what}: {kind}"
                readings.append(Reading(NAME, kind_of, against, "ms/table", Better.LESS, measured, floor, size))
    return readings


async def _single(grown: Connection, small: Connection, prefix: str, count: int) -> tuple[float, float]:
    """Median milliseconds of single requests to the one and to the other, in turns."""

    async def one(connection: Connection, name: str) -> float:
        await submit(connection, name)
        return await until_there(connection, name)

    return await _medians(grown, small, prefix, count, one)


async def _bursts(grown: Connection, small: Connection, prefix: str, count: int) -> tuple[float, float]:
    """Median milliseconds a request, of requests that come in one commit, to the one and to the other in turns."""

    async def burst(connection: Connection, name: str) -> float:
        return await work_off(connection, name, count) / count * 1000

    return await _medians(grown, small, prefix, BURSTS, burst)


async def _raw(grown: Connection, small: Connection, prefix: str, count: int) -> tuple[float, float]:
    """Median milliseconds a bare table, of such as are made in one transaction, in the one and in the other."""

    async def transaction(connection: Connection, name: str) -> float:
        return await make_raw([connection], name, count, count) / count * 1000

    return await _medians(grown, small, prefix, BURSTS, transaction)


async def _medians(
    grown: Connection, small: Connection, prefix: str, turns: int, measured: Measured
) -> tuple[float, float]:
    """The medians of what is measured so many times in each of the two, in turns."""
    times: dict[str, list[float]] = {GROWN: [], SMALL: []}
    for number, which in in_turns(turns, [GROWN, SMALL]):
        times[which].append(await measured(grown if which == GROWN else small, f"{prefix}_{number}"))
    return statistics.median(times[GROWN]), statistics.median(times[SMALL])
