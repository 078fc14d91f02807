"""Recovery: the listener's session is killed; how long until the next request is decided."""

import asyncio
import statistics
import time

from schemad.bench.bench import Bench
from schemad.bench.contenders import schemad
from schemad.bench.databases import session
from schemad.bench.failure import BenchFailed
from schemad.bench.figure import Better, Reading
from schemad.bench.load import POLL, patience, submit, until_there, warm_up
from schemad.bench.sql import query
from schemad.store import Connection

NAME = "recovery"


async def recovery(bench: Bench) -> list[Reading]:
    """Milliseconds, beside those of an undisturbed request after the least that any listener would have to do.

    That is to open a session, to listen, and to hear a notification of its own.
    """
    readings = []
    dsn = await bench.databases.new()
    async with schemad(dsn), session(dsn) as connection:
        await warm_up(connection)
        for number in bench.steps(NAME):
            killed, floors = [], []
            for kill in range(bench.sizes.recoveries):
                floors.append(await _undisturbed(dsn, connection, f"undisturbed_{number}_{kill}"))
                killed.append(await _killed(connection, f"killed_{number}_{kill}"))
            readings.append(
                Reading(
                    NAME,
                    "listener killed → next request decided",
                    "open, listen, hear; a request",
                    "ms",
                    Better.LESS,
                    statistics.median(killed),
                    statistics.median(floors),
                )
            )
    return readings


async def _killed(connection: Connection, name: str) -> float:
    """Milliseconds from the end of the listener's session until a request that follows at once has its table."""
    pid = await _listener(connection)
    if not await connection.fetchval(query("terminate"), pid):
        raise BenchFailed(f"the listener's session {pid} did not end")
    started = time.perf_counter()
    await submit(connection, name)
    await until_there(connection, name)
    took = (time.perf_counter() - started) * 1000
    # The next one is to be killed while it listens.
    await _listener(connection, other_than=pid)
    return took


async def _listener(connection: Connection, other_than: int | None = None) -> int:
    """The pid of the listener's session, once it has gone to sleep."""
    async with patience("the daemon listens again"):
        while True:
            pid: int | None = await connection.fetchval(query("listener"))
            if pid is not None and pid != other_than:
                return pid
            await asyncio.sleep(POLL)


async def _undisturbed(dsn: str, connection: Connection, name: str) -> float:
    started = time.perf_counter()
    heard = asyncio.Event()
    async with session(dsn) as listening:
        await listening.add_listener(NAME, lambda *_: heard.set())
        await listening.execute(query("notify"), NAME, "")
        async with patience("a notification"):
            await heard.wait()
    await submit(connection, name)
    await until_there(connection, name)
    return (time.perf_counter() - started) * 1000
