"""What is measured: single arrivals and a backlog, all contenders in turns, and that the work was done."""

import asyncio
import contextlib
import random
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.peers.contenders import Contender, prepare
from schemad.bench.contenders import Contender as Running
from schemad.bench.table import PAYLOAD
from schemad.embedded import EmbeddedPostgres
from schemad.store import Connection, connect

SQL = Path(__file__).parent / "sql"
VISIBLE, BACKLOG_MADE, SHAPES, COMPLETE = (
    (SQL / f"{name}.sql").read_text(encoding="utf-8") for name in ("visible", "backlog_made", "shapes", "complete")
)

# Rounds that only fill caches.
WARM_UP = 10
# Contenders that poll take a second a request: they take part in each tenth round only.
POLLED_ROUNDS = 10
# Intervals that the backlog of a contender that polls lasts.
POLLED_INTERVALS = 5
# Seconds between two requests: what a contender still does once its table is there shall not slow down the next.
SETTLE = 0.01
# Seconds between two looks at a backlog.
LOOK = 0.02
# Seconds after which a contender counts as stuck.
PATIENCE = 180.0


@dataclass(frozen=True, slots=True)
class Repetition:
    """What one contender did in one repetition: milliseconds for each single arrival, and tables a second."""

    arrivals: list[float]
    rate: float


@dataclass(slots=True)
class _Lane:
    """A contender at work on its database."""

    contender: Contender
    asking: Connection
    seeing: Connection
    running: Running
    asked: int = 0
    arrivals: list[float] = field(default_factory=list)
    rate: float = 0.0


async def repetition(
    server: EmbeddedPostgres, contenders: list[Contender], number: int, samples: int, tables: int
) -> dict[str, Repetition]:
    """One repetition, on new databases, none of which is dropped: benchmarks.deletions tells why.

    Args:
        server: Where the databases are made.
        contenders: Who takes part.
        number: Of the repetition; the order of the backlogs depends on it.
        samples: Single arrivals for each contender that is woken.
        tables: The size of the backlog.

    Raises:
        RuntimeError: A contender is stuck, or did not do all of the work.
    """
    async with contextlib.AsyncExitStack() as stack:
        lanes = [await stack.enter_async_context(_lane(server, each, number)) for each in contenders]
        await _arrivals(lanes, samples, random.Random(number))  # noqa: S311 - an order, no secret
        first = number * 4 % len(lanes)
        for lane in lanes[first:] + lanes[:first]:
            await _backlog(lane, tables)
        await _check(lanes)
        return {lane.contender.key: Repetition(lane.arrivals, lane.rate) for lane in lanes}


@contextlib.asynccontextmanager
async def _lane(server: EmbeddedPostgres, contender: Contender, number: int) -> AsyncIterator[_Lane]:
    database = f"{contender.key}_{number}"
    connection = await connect(server.dsn(), job="bench")
    await connection.execute(f"CREATE DATABASE {database}")
    await connection.close()
    dsn = server.dsn(database)
    await prepare(contender, dsn)
    async with contender.run(dsn) as running:
        asking, seeing = await connect(dsn, job="bench"), await connect(dsn, job="bench")
        try:
            yield _Lane(contender, asking, seeing, running)
        finally:
            asking.terminate()
            seeing.terminate()


async def _arrivals(lanes: list[_Lane], samples: int, order: random.Random) -> None:
    """One request to each in turn, in another order each time, so that nobody always follows the same one."""
    for number in range(-WARM_UP, samples):
        for lane in order.sample(lanes, len(lanes)):
            if lane.contender.polled and (number < 0 or number % POLLED_ROUNDS):
                continue
            took = await _arrival(lane, f"arrival_{number + WARM_UP}")
            if number >= 0:
                lane.arrivals.append(took)
            await asyncio.sleep(SETTLE)


async def _arrival(lane: _Lane, name: str) -> float:
    """Milliseconds from the commit of the request until its table is there, asked for without pause."""
    async with _patience(lane):
        await lane.asking.execute(lane.contender.ask, name, PAYLOAD)
        started = time.perf_counter()
        while not await lane.seeing.fetchval(VISIBLE, name):
            pass
        lane.asked += 1
        return (time.perf_counter() - started) * 1000


async def _backlog(lane: _Lane, tables: int) -> None:
    """Requests that are committed at once; the clock runs from there until the last table is there."""
    if lane.contender.polled:
        tables = min(tables, lane.contender.polled * POLLED_INTERVALS)
    async with _patience(lane):
        async with lane.asking.transaction():
            await lane.asking.executemany(lane.contender.ask, [(f"backlog_{n}", PAYLOAD) for n in range(tables)])
        started = time.perf_counter()
        while await lane.seeing.fetchval(BACKLOG_MADE) < tables:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(LOOK)
        lane.rate = tables / (time.perf_counter() - started)
        lane.asked += tables


async def _check(lanes: list[_Lane]) -> None:
    """Raises if a contender has not made each table as the others have, or not written each record of it."""
    shapes: set[str] = set()
    for lane in lanes:
        made = {row["shape"]: row["tables"] for row in await lane.seeing.fetch(SHAPES)}
        shapes |= made.keys()
        if list(made.values()) != [lane.asked]:
            raise RuntimeError(_failure(lane, f"was asked for {lane.asked} equal tables, and made {made}"))
        if lane.contender.records is None:
            continue
        await lane.seeing.execute("SELECT set_config('search_path', $1, false)", lane.contender.records)
        complete = await lane.seeing.fetchval(COMPLETE)
        if complete != lane.asked:
            raise RuntimeError(
                _failure(lane, f"was asked for {lane.asked} tables, and recorded {complete} in full")
            )
    if len(shapes) != 1:
        raise RuntimeError("the contenders did not make the same table:\n" + "\n".join(sorted(shapes)))


@contextlib.asynccontextmanager
async def _patience(lane: _Lane) -> AsyncIterator[None]:
    try:
        async with asyncio.timeout(PATIENCE):
            yield
    except TimeoutError:
        raise RuntimeError(_failure(lane, f"did not finish within {PATIENCE:.0f} s")) from None


def _failure(lane: _Lane, what: str) -> str:
    return f"{lane.contender.name} {what}; its last words:\n{lane.running.last_words}"
