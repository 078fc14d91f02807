"""Recoveries: python -m tests.chaos.recoveries, with ROUNDS=5, from the environment.

One daemon with the settings that it has by itself, and one fault at a time: how long until the daemon notices, and
until the next request is decided, which is submitted right after the fault. Exits with 1 where a limit is passed.
"""

import asyncio
import contextlib
import functools
import json
import os
import signal
import statistics
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from schemad.embedded import find_binaries
from schemad.settings import Settings
from tests.chaos.faults import SESSIONS
from tests.chaos.ledger import Ledger, now
from tests.chaos.session import Session
from tests.chaos.stage import Stage, staged
from tests.chaos.workplace import exit_code

if TYPE_CHECKING:
    from tests.chaos.links import Link

LOST = {"listener.lost", "worker.lost"}
LISTENER, WORKER, APPLIER = "schemad listener", "schemad worker", "schemad applier"
# Tells without a look at the table that is locked: it would wait itself.
WAITING = (
    "SELECT l.pid FROM pg_locks AS l JOIN pg_stat_activity AS a ON a.pid = l.pid "
    "WHERE NOT l.granted AND a.application_name = 'schemad applier'"
)
POLL = 1.1 * Settings(dsn=None).poll_interval  # with its jitter
# An interval and a timeout of the probe, and what it takes to tell.
NOTICED = 15.0
PATIENCE = 120.0
# Kills of the listener are quick, and their p99 takes many.
KILLS = 20


@dataclass(slots=True)
class Figures:
    """What was measured of a fault.

    Attributes:
        limit: Seconds until a decision that may not be passed: by the 99th percentile, or by the longest.
        notice_limit: Seconds until the daemon has noticed that may not be passed; None: it need not.
        decided: Seconds until the next request was decided, each time.
        noticed: Seconds until the daemon told of a lost link, each time that it did.
    """

    limit: float
    notice_limit: float | None = None
    decided: list[float] = field(default_factory=list)
    noticed: list[float] = field(default_factory=list)

    @property
    def is_kept(self) -> bool:
        """Whether all limits were kept."""
        is_noticed = self.notice_limit is None or max(self.noticed, default=PATIENCE) <= self.notice_limit
        return _p99(self.decided) <= self.limit and is_noticed


class Recoveries:
    """The measuring of recoveries.

    Args:
        stage: A cluster with one daemon.
        session: A requester's.
        rounds: How often each is measured.
    """

    def __init__(self, stage: Stage, session: Session, rounds: int) -> None:
        self._stage = stage
        self._session = session
        self._rounds = rounds
        self._count = 0
        self._in_hand: object = None
        self._member = stage.fleet[0]

    async def all(self) -> AsyncIterator[tuple[str, Figures]]:
        """Each fault with its figures, as soon as they are there."""
        await self._decided()
        killed = Figures(limit=1.0)
        for _ in range(self._rounds * KILLS):
            await self._measure(killed, self._kill_listener)
        yield "the listener's session is ended", killed
        for what, jobs in (
            ("the listener's link falls silent", {LISTENER}),
            ("the worker's link falls silent", {WORKER}),
            ("the appliers' links fall silent", {APPLIER}),
            ("all links fall silent", {LISTENER, WORKER, APPLIER}),
        ):
            figures = Figures(limit=POLL, notice_limit=NOTICED)
            for _ in range(self._rounds):
                async with self._silenced(jobs) as silence:
                    await self._measure(figures, silence)
            yield what, figures
        for job in (LISTENER, WORKER, APPLIER):
            figures = Figures(limit=POLL, notice_limit=NOTICED)
            for _ in range(self._rounds):
                async with self._stopped() as stopped:
                    await self._measure(figures, functools.partial(self._stop_backends, stopped, job))
            yield f"the {job.split()[1]}'s backend is stopped", figures
        figures = Figures(limit=POLL, notice_limit=NOTICED)
        for _ in range(self._rounds):
            async with self._stopped() as stopped:
                await self._measure(figures, functools.partial(self._stop_amid_statement, stopped))
        yield "an applier's is, amid a statement", figures
        failed_over = Figures(limit=10.0)
        for _ in range(self._rounds):
            await self._stage.cluster.make_standby()
            await self._decided()
            await self._measure(failed_over, self._stage.cluster.fail_over)
        yield "failover, from the standby's promotion", failed_over

    async def _measure(self, figures: Figures, fault: Callable[[], Awaitable[float | None]]) -> None:
        offset = self._member.log_path.stat().st_size
        wall, began = datetime.now().astimezone(), now()
        since = await fault() or began
        await self._decided()
        figures.decided.append(now() - since)
        if figures.notice_limit is not None:
            figures.noticed.append((await self._lost_after(offset) - wall).total_seconds())
        await self._until_well()

    async def _submitted(self) -> object:
        """The id of a new request."""
        self._count += 1
        payload = json.dumps({"fields": [{"name": "a", "type": "text"}]})
        sql = "SELECT schemad.submit_request('user', $1, $2, $1)"
        return await self._session.value(sql, f"t_{self._count}", payload)

    async def _decided(self) -> None:
        await self._until_decided(await self._submitted())

    async def _until_decided(self, request_id: object) -> None:
        async with asyncio.timeout(PATIENCE):
            while not await self._session.value(
                "SELECT status <> 'pending' FROM schemad.wait_for_request($1, '3 s')", request_id
            ):
                pass

    async def _lost_after(self, offset: int) -> datetime:
        """When the daemon told first that a link was lost, in what it logged from an offset on."""
        async with asyncio.timeout(PATIENCE):
            while True:
                lines = self._member.log_path.read_bytes()[offset:].splitlines()
                for event in (json.loads(line) for line in lines if line.startswith(b"{")):
                    if event["event"] in LOST:
                        return datetime.fromisoformat(event["timestamp"])
                await asyncio.sleep(0.02)

    async def _until_well(self) -> None:
        """Waits until the daemon has all of its sessions, and has gone to sleep."""
        async with asyncio.timeout(PATIENCE), self._stage.cluster.admin() as admin:
            jobs: set[str] = set()
            while jobs != {LISTENER, WORKER, APPLIER}:
                sessions = await admin.fetch(SESSIONS, "schemad %")
                jobs = {s["application_name"] for s in sessions if s["usename"] == "daemon_login"}
                await asyncio.sleep(0.05)
        await self._decided()

    async def _pids(self, job: str) -> list[int]:
        async with self._stage.cluster.admin() as admin:
            return [session["pid"] for session in await admin.fetch(SESSIONS, job)]

    async def _kill_listener(self) -> float:
        async with self._stage.cluster.admin() as admin:
            await admin.fetch(
                "SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity AS a WHERE a.application_name = $1",
                LISTENER,
            )
            return now()

    @contextlib.asynccontextmanager
    async def _silenced(self, jobs: set[str]) -> AsyncIterator[Callable[[], Awaitable[None]]]:
        """What silences the links of sessions of these jobs; they are forgotten at the end."""
        silenced: list[Link] = []

        async def silence() -> None:
            async with self._stage.cluster.admin() as admin:
                ports = await admin.fetch(
                    "SELECT client_port FROM pg_stat_activity WHERE application_name = ANY ($1)", list(jobs)
                )
            wanted = {row["client_port"] for row in ports}
            silenced.extend(link for link in self._member.links.all() if link.server_port in wanted)
            assert len(silenced) == len(wanted)
            self._member.links.silence(silenced, new_ones=False)

        yield silence
        self._member.links.heal(silenced, forgotten=True)

    async def _stop_backends(self, stopped: list[int], job: str) -> None:
        for pid in await self._pids(job):
            _stop(stopped, pid)

    async def _stop_amid_statement(self, stopped: list[int]) -> None:
        """Stops the backend that has a request in hand, held up by a lock on what it writes last."""
        async with self._stage.cluster.admin() as admin:
            while not stopped:
                async with admin.transaction():
                    await admin.execute("LOCK TABLE schemad.notifications IN SHARE MODE")
                    self._in_hand = await self._submitted()
                    async with asyncio.timeout(PATIENCE):
                        while not (waiting := await admin.fetchval(WAITING)):  # noqa: ASYNC110 - no server tells of locks
                            await asyncio.sleep(0.01)
                    _stop(stopped, waiting)
                    # It may have given up between the two.
                    if await admin.fetchval(WAITING) != waiting:
                        _continue(stopped)

    @contextlib.asynccontextmanager
    async def _stopped(self) -> AsyncIterator[list[int]]:
        """A list for processes that are stopped: they go on at the end, and what they had in hand is decided."""
        stopped: list[int] = []
        try:
            yield stopped
        finally:
            _continue(stopped)
        if self._in_hand is not None:
            await self._until_decided(self._in_hand)


def _stop(stopped: list[int], pid: int) -> None:
    stopped.append(os.pidfd_open(pid))
    signal.pidfd_send_signal(stopped[-1], signal.SIGSTOP)


def _continue(stopped: list[int]) -> None:
    while stopped:
        process = stopped.pop()
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, signal.SIGCONT)
        os.close(process)


def _p99(seconds: list[float]) -> float:
    return statistics.quantiles(seconds, n=100, method="inclusive")[98] if len(seconds) > 1 else max(seconds)


def _shown(seconds: list[float]) -> str:
    return "".join(f"{value:>9.3f}" for value in (statistics.median(seconds), _p99(seconds), max(seconds)))


async def measure(directory: Path, rounds: int) -> bool:
    """Measures and prints; whether every limit was kept."""
    is_kept = True
    ledger = Ledger()
    major = int(os.environ.get("PG") or find_binaries().major)
    print(f"PostgreSQL {major}, one daemon with its default settings; seconds")
    print(f"{'fault':<42}{'times':>6}{'decided':>10}{'':>17}{'noticed':>10}")
    print(f"{'':<48}" + f"{'p50':>9}{'p99':>9}{'max':>9}" * 2)
    # At level debug each lost link is told, and not only what is new.
    environment = {"SCHEMAD_LOG_LEVEL": "debug"}
    async with staged(directory, major, 1, environment) as stage, stage.session("app_one", ledger) as session:
        async for what, figures in Recoveries(stage, session, rounds).all():
            noticed = _shown(figures.noticed) if figures.noticed else ""
            limit = "" if figures.is_kept else f"   more than {figures.limit:g} or {figures.notice_limit} s"
            print(f"{what:<42}{len(figures.decided):>6}{_shown(figures.decided)}{noticed}{limit}", flush=True)
            is_kept = is_kept and figures.is_kept
    return is_kept


def main() -> int:
    """Measures; the exit code."""
    return exit_code(lambda directory: measure(directory, int(os.environ.get("ROUNDS") or 5)))


if __name__ == "__main__":
    sys.exit(main())
