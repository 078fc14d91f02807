"""Latency: one request at a time, from its commit until others see the table."""

import contextlib
import statistics
from collections.abc import Awaitable, Callable
from functools import partial

from schemad.bench.bench import Bench
from schemad.bench.contenders import naive_daemon, schemad, smallest_daemon
from schemad.bench.databases import session
from schemad.bench.figure import Better, Reading
from schemad.bench.load import WARM_UP, in_turns, submit, until_there
from schemad.bench.smallest_daemon import CHANNEL
from schemad.bench.sql import query
from schemad.store import Connection

OURS, SMALLEST, NAIVE = "schemad", "smallest daemon", "naive daemon"
Ask = Callable[[Connection, str], Awaitable[None]]


async def latency(bench: Bench) -> list[Reading]:
    """Percentiles beside the smallest daemon's, the floor, and a naive daemon's; in milliseconds."""
    readings = []
    for _ in bench.steps("latency"):
        times = await _in_turns(bench)
        for contender, each in times.items():
            bench.distributions.setdefault(contender, []).extend(each)
        for against in (SMALLEST, NAIVE):
            for what, of in _statistics(bench.sizes.samples).items():
                measured, floor = of(times[OURS]), of(times[against])
                readings.append(Reading("latency", what, against, "ms", Better.LESS, measured, floor))
    return readings


async def _in_turns(bench: Bench) -> dict[str, list[float]]:
    """One request to each contender in turn; milliseconds by contender."""
    databases = bench.databases
    places = {
        OURS: await databases.new(),
        SMALLEST: await databases.new(installed=False),
        NAIVE: await databases.new(),
    }
    times: dict[str, list[float]] = {contender: [] for contender in places}
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(schemad(places[OURS]))
        await stack.enter_async_context(smallest_daemon(places[SMALLEST]))
        await stack.enter_async_context(naive_daemon(places[NAIVE]))
        asking = {c: await stack.enter_async_context(session(dsn)) for c, dsn in places.items()}
        seeing = {c: await stack.enter_async_context(session(dsn)) for c, dsn in places.items()}
        ask: dict[str, Ask] = {OURS: submit, SMALLEST: _notify, NAIVE: submit}
        for number, contender in in_turns(bench.sizes.samples + WARM_UP, list(places)):
            name = f"arrival_{number}"
            await ask[contender](asking[contender], name)
            took = await until_there(seeing[contender], name)
            if number >= WARM_UP:
                times[contender].append(took)
    return times


async def _notify(connection: Connection, name: str) -> None:
    await connection.execute(query("notify"), CHANNEL, name)


def _statistics(samples: int) -> dict[str, Callable[[list[float]], float]]:
    """What is told of a repetition, by its name."""
    percentiles = {f"p{percent}": partial(percentile, percent=percent) for percent in (50, 95, 99)}
    return {**percentiles, f"slowest of {samples:,}": max}


def percentile(samples: list[float], percent: int) -> float:
    """The value that so many percent of the samples don't exceed."""
    if len(samples) == 1:
        return samples[0]
    return statistics.quantiles(samples, n=100, method="inclusive")[percent - 1]
