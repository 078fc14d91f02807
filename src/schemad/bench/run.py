"""A run: the measures by name, one after the other, on one server."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from schemad.bench.backlog import backlog
from schemad.bench.bench import Bench, Sizes
from schemad.bench.databases import databases_on
from schemad.bench.figure import Figure, Reading, figures
from schemad.bench.growth import growth
from schemad.bench.idle import idle
from schemad.bench.inserts import inserts
from schemad.bench.latency import latency
from schemad.bench.machine import machine
from schemad.bench.pool import pool
from schemad.bench.recovery import recovery


class Measure(StrEnum):
    """What can be measured, by the name that it is asked for."""

    LATENCY = "latency"
    BACKLOG = "backlog"
    INSERTS = "inserts"
    GROWTH = "growth"
    RECOVERY = "recovery"
    IDLE = "idle"
    POOL = "pool"


_MEASURES: dict[Measure, Callable[[Bench], Awaitable[list[Reading]]]] = {
    Measure.LATENCY: latency,
    Measure.BACKLOG: backlog,
    Measure.INSERTS: inserts,
    Measure.GROWTH: growth,
    Measure.RECOVERY: recovery,
    Measure.IDLE: idle,
    Measure.POOL: pool,
}


@dataclass(frozen=True, slots=True)
class Report:
    """What a run came to.

    Attributes:
        machine: What it was measured on.
        figures: In the order of the measures.
        distributions: Single latencies in milliseconds, by contender.
    """

    machine: dict[str, Any]
    figures: list[Figure]
    distributions: dict[str, list[float]]


async def run(
    dsn: str,
    *,
    server_log: Path | None = None,
    measures: Sequence[Measure],
    sizes: Sizes,
    tell: Callable[[str, float], None] = lambda _what, _done: None,
) -> Report:
    """Measures.

    Args:
        dsn: Any database of the server, as a role that may create databases.
        server_log: Of a server that is gone after the run, so that all that is on it is the run's; None: it lasts.
        measures: Which, in this order.
        sizes: How much.
        tell: Told what is being measured, and what part of that is done, from 0 to 1.

    Raises:
        BenchFailed: A figure would mean nothing; the databases are dropped all the same.
        OSError, asyncpg.PostgresError: The server can't be reached, or refuses.
    """
    readings: list[Reading] = []
    async with databases_on(dsn, lasting=server_log is None) as databases:
        bench = Bench(databases, sizes, tell, server_log=server_log)
        for measure in measures:
            readings += await _MEASURES[measure](bench)
    return Report(await machine(dsn, embedded=server_log is not None), figures(readings), bench.distributions)
