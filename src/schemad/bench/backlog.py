"""Backlog: many requests in one commit, until the last of them is decided."""

from schemad.bench.bench import Bench
from schemad.bench.contenders import naive_daemon, schemad
from schemad.bench.databases import session
from schemad.bench.figure import Better, Reading
from schemad.bench.load import WARM_UP, make_raw, warm_up, work_off
from schemad.bench.table import POISONED_PAYLOAD

POISON_EACH = 50
NAME = "backlog"


async def backlog(bench: Bench) -> list[Reading]:
    """Tables a second beside raw CREATE TABLE and a naive daemon's; and what poisoned requests cost the others."""
    readings = []
    runs = [_ours, _raw, _poisoned, _naive]
    for number in bench.steps(NAME):
        # The one that begins is another one each time.
        seconds = {run: await run(bench) for run in (*runs[number % 4 :], *runs[: number % 4])}
        count, batch = bench.sizes.tables, bench.settings.batch_size
        ours, raw, poisoned, naive = (seconds[run] for run in runs)
        what = f"{count:,} requests"
        readings += [
            Reading(NAME, what, f"raw, {batch} a transaction", "tables/s", Better.MORE, count / ours, count / raw),
            Reading(NAME, what, "naive daemon", "tables/s", Better.MORE, count / ours, count / naive),
            Reading(
                NAME,
                f"one in {POISON_EACH} poisoned",
                "none poisoned",
                "ms/request",
                Better.LESS,
                poisoned / count * 1000,
                ours / count * 1000,
            ),
        ]
    return readings


async def _ours(bench: Bench) -> float:
    dsn = await bench.databases.new()
    async with schemad(dsn), session(dsn) as connection:
        await warm_up(connection)
        return await work_off(connection, NAME, bench.sizes.tables)


async def _poisoned(bench: Bench) -> float:
    dsn, count = await bench.databases.new(), bench.sizes.tables
    # Of a short backlog one request is poisoned too.
    each = min(POISON_EACH, count)
    failing = sum(number % each == each // 2 for number in range(1, count + 1))
    async with schemad(dsn), session(dsn) as connection:
        await warm_up(connection)
        return await work_off(connection, NAME, count, each=each, poisoned=POISONED_PAYLOAD, failing=failing)


async def _naive(bench: Bench) -> float:
    dsn = await bench.databases.new()
    async with naive_daemon(dsn), session(dsn) as connection:
        await warm_up(connection)
        return await work_off(connection, NAME, bench.sizes.tables)


async def _raw(bench: Bench) -> float:
    # One connection, as one daemon applies through one.
    async with session(await bench.databases.new(installed=False)) as connection:
        await make_raw([connection], "warm_up", WARM_UP, bench.settings.batch_size)
        return await make_raw([connection], NAME, bench.sizes.tables, bench.settings.batch_size)
