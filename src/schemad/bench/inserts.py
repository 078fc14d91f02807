"""Inserts: what the triggers cost whoever asks, with one session and with eight, and in one large statement."""

import asyncio
import contextlib
import itertools
import statistics
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from functools import partial
from typing import Self

from schemad.bench.bench import Bench
from schemad.bench.contenders import schemad
from schemad.bench.databases import session
from schemad.bench.failure import BenchFailed
from schemad.bench.figure import Better, Reading
from schemad.bench.load import in_turns, patience, rounds, submit_backlog, until_decided, warm_up
from schemad.bench.sql import query
from schemad.bench.table import PAYLOAD
from schemad.store import Connection
from schemad.store.channels import REQUESTS_CHANNEL

NAME = "inserts"
OURS, CHECKS, BARE = "as installed", "without NOTIFY", "without triggers"
WAYS = (OURS, CHECKS, BARE)
SESSIONS = (1, 8)
# Inserts of each session before the next way has its turn.
TURN = 20
# And twenty for each insert: so long that a daemon does not run dry while it is to be busy.
BACKLOG = 5_000
# Bulk inserts of each kind a repetition.
BULK_TURNS = 3
END_CHANNEL = "schemad_bench_end"
# Seconds in which a daemon that has decided everything goes to sleep.
FALL_ASLEEP = 0.01

_numbers = itertools.count()
# Seconds for so many inserts of each session, in one way.
Insert = Callable[[Sequence[Connection], str, int], Awaitable[float]]


async def inserts(bench: Bench) -> list[Reading]:
    """Single inserts a second and milliseconds for a bulk insert, beside those with fewer triggers."""
    readings: list[Reading] = []
    for _ in bench.steps(NAME):
        for what, rates in (await _single(bench)).items():
            readings += _beside(what, "inserts/s", Better.MORE, rates)
        took, heard = await _bulk(bench)
        what = f"one insert of {bench.sizes.bulk:,}"
        readings += _beside(what, "ms", Better.LESS, {way: each * 1000 for way, each in took.items()})
        readings.append(Reading(NAME, what, "one wake-up", "notifications", Better.LESS, heard, 1))
    return readings


def _beside(what: str, unit: str, better: Better, by_way: dict[str, float]) -> Iterator[Reading]:
    for against in (CHECKS, BARE):
        yield Reading(NAME, what, against, unit, better, by_way[OURS], by_way[against])


async def _single(bench: Bench) -> dict[str, dict[str, float]]:
    """Inserts a second for each way: through one session and through several, of a daemon idle and busy."""
    dsn, rates = await bench.databases.new(), {}
    async with contextlib.AsyncExitStack() as stack:
        await stack.enter_async_context(schemad(dsn))
        beside = await stack.enter_async_context(session(dsn))
        sessions = [await stack.enter_async_context(session(dsn)) for _ in range(max(SESSIONS))]
        await beside.execute(query("bare_requests"))
        await warm_up(beside)
        while_idle = partial(_insert_while_idle, beside)
        for state, insert in (("idle", while_idle), ("busy", _insert)):
            if state == "busy":
                await submit_backlog(beside, "backlog", BACKLOG + 20 * bench.sizes.inserts)
            for count in SESSIONS:
                what = f"{count} session{'s' * (count > 1)}, daemon {state}"
                rates[what] = await _rates(beside, sessions[:count], insert, bench.sizes.inserts)
        if await beside.fetchval(query("oldest_waiting")) is None:
            raise BenchFailed("the daemon had decided everything before the inserts into a busy queue were over")
    return rates


async def _rates(
    beside: Connection, sessions: Sequence[Connection], insert: Insert, inserts: int
) -> dict[str, float]:
    """Inserts a second for each way, in turns; a few more than asked for, so that each session has as many."""
    turns = rounds(-(-inserts // len(sessions)), TURN)
    seconds = dict.fromkeys(WAYS, 0.0)
    for number, way in in_turns(len(turns), WAYS):
        await beside.execute(query("wakeups_off" if way == CHECKS else "wakeups_on"))
        await _insert(sessions, way, 1)  # so that the sessions know of the changed triggers
        seconds[way] += await insert(sessions, way, turns[number])
    return {way: sum(turns) * len(sessions) / took for way, took in seconds.items()}


async def _insert_while_idle(beside: Connection, sessions: Sequence[Connection], way: str, each: int) -> float:
    """Seconds for so many inserts of each session, one of each at a time, with the daemon asleep before it."""
    seconds = 0.0
    for _ in range(each):
        if way != BARE:
            # Some of them wake nobody.
            await beside.execute(query("notify"), REQUESTS_CHANNEL, "")
            await until_decided(beside)
            await asyncio.sleep(FALL_ASLEEP)
        seconds += await _insert(sessions, way, 1)
    return seconds


async def _insert(sessions: Sequence[Connection], way: str, each: int) -> float:
    """Seconds for so many inserts of each session, all sessions at once, each insert a commit."""
    text = query("insert_bare" if way == BARE else "insert")

    async def work(connection: Connection) -> None:
        for _ in range(each):
            await connection.execute(text, f"insert_{next(_numbers)}", PAYLOAD)

    started = time.perf_counter()
    await asyncio.gather(*map(work, sessions))
    return time.perf_counter() - started


async def _bulk(bench: Bench) -> tuple[dict[str, float], int]:
    """Seconds of a bulk insert into an empty queue for each way, and the notifications of the one as installed."""
    dsn = await bench.databases.new()
    seconds: dict[str, list[float]] = {way: [] for way in WAYS}
    told = 0
    # Nobody works on them: it is the insert that counts, and thousands of tables would take their time.
    async with session(dsn) as connection, session(dsn) as listening:
        await connection.execute(query("bare_requests"))
        wakeups = await Wakeups.on(listening)
        for _, way in in_turns(BULK_TURNS, WAYS):
            await connection.execute(query("no_requests"))
            await connection.execute(query("wakeups_off" if way == CHECKS else "wakeups_on"))
            await wakeups.count()
            started = time.perf_counter()
            text = query("insert_bulk_bare" if way == BARE else "insert_bulk")
            await connection.execute(text, bench.sizes.bulk, PAYLOAD)
            seconds[way].append(time.perf_counter() - started)
            if way == OURS:
                told = max(told, await wakeups.count())
    return {way: statistics.median(each) for way, each in seconds.items()}, told


class Wakeups:
    """Counts what daemons would be woken by."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._heard = 0
        self._ended = asyncio.Event()

    @classmethod
    async def on(cls, connection: Connection) -> Self:
        """Listens on a connection."""
        wakeups = cls(connection)
        await connection.add_listener(REQUESTS_CHANNEL, wakeups._hear)
        await connection.add_listener(END_CHANNEL, lambda *_: wakeups._ended.set())
        return wakeups

    async def count(self) -> int:
        """How many there were since the last call."""
        # Notifications come in the order of their commits: once this one is here, so are all before it.
        self._ended.clear()
        await self._connection.execute(query("notify"), END_CHANNEL, "")
        async with patience("a notification"):
            await self._ended.wait()
        heard, self._heard = self._heard, 0
        return heard

    def _hear(self, *_: object) -> None:
        self._heard += 1
