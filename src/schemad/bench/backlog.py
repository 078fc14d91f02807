"""Backlog: many requests in one commit, until the last of them is decided."""

from functools import partial

from schemad.bench.bench import Bench
from schemad.bench.contenders import naive_daemon, schemad
from schemad.bench.databases import session
from schemad.bench.figure import Better, Reading
from schemad.bench.load import make_raw_anew, warm_up, work_off
from schemad.bench.table import POISONED_PAYLOAD

POISON_EACH = 50
NAME = "backlog"


async def backlog(bench: Bench) -> list[Reading]:
    """Tables a second beside raw CREATE TABLE and a naive daemon's; and what poisoned requests cost the others."""
    readings = []
    appliers = bench.settings.appliers
    runs = {
        "one": partial(_ours, bench, 1),
        "raw one": partial(_raw, bench, 1),
        "all": partial(_ours, bench, appliers),
        "raw all": partial(_raw, bench, appliers),
        "poisoned": partial(_poisoned, bench),
        "naive": partial(_naive, bench),
    }
    for number in bench.steps(NAME):
        # The pair that begins is another one each time.
        order = [*runs][2 * number % len(runs) :] + [*runs][: 2 * number % len(runs)]
        seconds = {run: await runs[run]() for run in order}
        readings += _readings(bench, seconds)
    return readings


def _readings(bench: Bench, seconds: dict[str, float]) -> list[Reading]:
    count, batch, appliers = bench.sizes.tables, bench.settings.batch_size, bench.settings.appliers
    rate = {run: count / taken for run, taken in seconds.items()}

    def tables(who: str, what: str, against: str, floor: str) -> Reading:
        return Reading(NAME, what, against, "tables/s", Better.MORE, rate[who], rate[floor])

    pairs = [("one", 1, "raw one"), ("all", appliers, "raw all")]
    return [
        *(
            tables(who, f"{count:,}, {n} side by side", f"raw, {batch} a transaction, {n} side by side", floor)
            for who, n, floor in pairs
        ),
        tables("all", f"{count:,}, {appliers} side by side", "naive daemon", "naive"),
        Reading(
            NAME,
            f"one in {POISON_EACH} poisoned",
            "none poisoned",
            "ms/request",
            Better.LESS,
            seconds["poisoned"] / count * 1000,
            seconds["all"] / count * 1000,
        ),
    ]


async def _ours(bench: Bench, appliers: int) -> float:
    dsn = await bench.databases.new()
    async with schemad(dsn, SCHEMAD_APPLIERS=str(appliers)), session(dsn) as connection:
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


async def _raw(bench: Bench, connections: int) -> float:
    return await make_raw_anew(bench.databases, connections, bench.sizes.tables, bench.settings.batch_size)
