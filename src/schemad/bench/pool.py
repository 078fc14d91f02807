"""Pool: several daemons on one database work one backlog off."""

import contextlib

from schemad.bench.bench import Bench
from schemad.bench.contenders import schemad
from schemad.bench.databases import session
from schemad.bench.figure import Better, Reading
from schemad.bench.load import make_raw_anew, warm_up, work_off

NAME = "pool"


async def pool(bench: Bench) -> list[Reading]:
    """Tables a second beside raw CREATE TABLE through as many connections, and beside one daemon.

    A request that two daemons applied would end the run: work_off() counts them.
    """
    readings = []
    count = bench.sizes.tables
    for number in bench.steps(NAME):
        first = number % len(bench.sizes.pool)
        rates: dict[int, tuple[float, float]] = {}
        for daemons in (*bench.sizes.pool[first:], *bench.sizes.pool[:first]):
            rates[daemons] = (count / await _ours(bench, daemons), count / await _raw(bench, daemons))
        for daemons in bench.sizes.pool:
            ours, raw = rates[daemons]
            what, unit = f"{daemons} daemon{'s' * (daemons > 1)}", "tables/s"
            connections = f"raw, {daemons} connection{'s' * (daemons > 1)}"
            readings.append(Reading(NAME, what, connections, unit, Better.MORE, ours, raw))
            if daemons > 1 and 1 in rates:
                readings.append(Reading(NAME, what, "1 daemon", unit, Better.MORE, ours, rates[1][0]))
    return readings


async def _ours(bench: Bench, daemons: int) -> float:
    """Seconds until a backlog is worked off by so many daemons."""
    dsn = await bench.databases.new()
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(daemons):
            # One applier each, so that each is one connection at work.
            await stack.enter_async_context(schemad(dsn, SCHEMAD_APPLIERS="1"))
        connection = await stack.enter_async_context(session(dsn))
        await warm_up(connection)
        return await work_off(connection, NAME, bench.sizes.tables)


async def _raw(bench: Bench, connections: int) -> float:
    """Seconds for as many bare tables through so many connections."""
    return await make_raw_anew(bench.databases, connections, bench.sizes.tables, bench.settings.batch_size)
