"""The load: single requests, backlogs, and waiting for what becomes of them."""

import asyncio
import contextlib
import itertools
import time
from collections.abc import AsyncIterator, Iterable, Sequence

from schemad.bench.databases import Databases, session
from schemad.bench.failure import BenchFailed
from schemad.bench.sql import query
from schemad.bench.table import PAYLOAD, bare_ddl
from schemad.store import Connection

PATIENCE = 60.0  # seconds without any progress
POLL = 0.004  # seconds
# Seconds for each request of a backlog, which takes a hundred times that: looking takes CPU from the contenders.
POLL_A_REQUEST = 0.00001
WARM_UP = 10  # requests that fill caches, and are not counted


@contextlib.asynccontextmanager
async def patience(what: str) -> AsyncIterator[None]:
    """Raises BenchFailed, with what was waited for, where that does not come."""
    try:
        async with asyncio.timeout(PATIENCE):
            yield
    except TimeoutError as error:
        raise BenchFailed(f"{what}: not within {PATIENCE:.0f} s") from error


def in_turns(count: int, takers: Sequence[str]) -> Iterable[tuple[int, str]]:
    """Each taker once in each of so many turns; a different one begins each time."""
    for number in range(count):
        first = number % len(takers)
        for taker in (*takers[first:], *takers[:first]):
            yield number, taker


async def submit(connection: Connection, name: str) -> None:
    """Submits a request, as an application does."""
    await connection.fetchval(query("submit"), name, PAYLOAD)


async def until_there(connection: Connection, name: str) -> float:
    """Milliseconds until others see the table, asked for without pause."""
    started = time.perf_counter()
    while not await connection.fetchval(query("table_is_there"), name):
        if time.perf_counter() - started > PATIENCE:
            raise BenchFailed(f"table {name} was not there after {PATIENCE:.0f} s")
    return (time.perf_counter() - started) * 1000


async def warm_up(connection: Connection, prefix: str = "warm_up") -> None:
    """Requests that nobody counts: the first ones fill caches on both ends."""
    for number in range(WARM_UP):
        await submit(connection, f"{prefix}_{number}")
        await until_there(connection, f"{prefix}_{number}")


async def submit_backlog(
    connection: Connection, prefix: str, count: int, *, each: int = 1, poisoned: str = PAYLOAD
) -> None:
    """Submits a backlog in one commit; of each `each` requests the middle one has the payload `poisoned`."""
    await connection.execute(query("submit_backlog"), prefix, count, PAYLOAD, each, poisoned)


async def until_decided(connection: Connection, poll: float = POLL) -> None:
    """Waits until no request waits for the daemon any more, looking each `poll` seconds."""
    oldest, since = None, time.perf_counter()
    while (now := await connection.fetchval(query("oldest_waiting"))) is not None:
        if now != oldest:
            oldest, since = now, time.perf_counter()
        elif time.perf_counter() - since > PATIENCE:
            raise BenchFailed(f"nothing was decided for {PATIENCE:.0f} s, with request {now} waiting")
        await asyncio.sleep(poll)


async def work_off(
    connection: Connection, prefix: str, count: int, *, each: int = 1, poisoned: str = PAYLOAD, failing: int = 0
) -> float:
    """Seconds from the commit of a backlog until the last of it is decided.

    Raises:
        BenchFailed: Not all but `failing` of it were applied, each once.
    """
    await submit_backlog(connection, prefix, count, each=each, poisoned=poisoned)
    started = time.perf_counter()
    await until_decided(connection, max(POLL, count * POLL_A_REQUEST))
    took = time.perf_counter() - started
    await require_applied(connection, prefix, count - failing, failing)
    return took


async def require_applied(connection: Connection, prefix: str, applied: int, failed: int = 0) -> None:
    """Raises BenchFailed unless so many requests of a backlog were applied, each once, and so many failed."""
    found = await connection.fetchrow(query("outcomes"), prefix)
    expected = {"applied": applied, "failed": failed, "others": 0, "again": 0}
    if found is None or any(found[name] != number for name, number in expected.items()):
        raise BenchFailed(f"expected {expected} requests, found {dict(found) if found else None}")


async def make_raw(connections: Sequence[Connection], prefix: str, count: int, batch: int) -> float:
    """Seconds for so many bare tables, each batch of them in one transaction and one round trip."""
    names = [f"{prefix}_{number}" for number in range(1, count + 1)]
    scripts = iter(
        "BEGIN;" + ";".join(bare_ddl(name) for name in names[first : first + batch]) + ";COMMIT"
        for first in range(0, count, batch)
    )

    async def work(connection: Connection) -> None:
        for script in scripts:
            await connection.execute(script)

    started = time.perf_counter()
    await asyncio.gather(*map(work, connections))
    return time.perf_counter() - started


async def make_raw_anew(databases: Databases, connections: int, count: int, batch: int) -> float:
    """Seconds for so many bare tables in a new database, through so many connections, each of which is warm."""
    dsn = await databases.new(installed=False)
    async with contextlib.AsyncExitStack() as stack:
        opened = [await stack.enter_async_context(session(dsn)) for _ in range(connections)]
        await make_raw(opened, "warm_up", WARM_UP, 1)
        return await make_raw(opened, "backlog", count, batch)


def rounds(total: int, size: int) -> list[int]:
    """A total in parts of at most `size`."""
    ends = [*range(0, total, size), total]
    return [end - first for first, end in itertools.pairwise(ends)]
