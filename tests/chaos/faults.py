"""Faults: what goes wrong, one function each. Each ends what it began, whatever happens to it meanwhile."""

import asyncio
import contextlib
import os
import random
import signal
import subprocess
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncpg

from schemad.store.connect import LINK_ERRORS
from tests.chaos.cluster import LOOK, Cluster
from tests.chaos.fleet import Member
from tests.chaos.links import Link
from tests.chaos.requesters import HOT, HOT_COUNT

if TYPE_CHECKING:
    from schemad.store import Connection

SESSIONS = (
    "SELECT pid, application_name, usename FROM pg_stat_activity "
    "WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid() "
    "AND application_name LIKE $1 ORDER BY pid"
)
DAEMONS, REQUESTERS = "schemad %", "schemad requester"
JOBS = ["schemad listener", "schemad worker", "schemad applier"]


# What is timed, for a clock that is wrong by $1 seconds.
MOVED = [
    f"UPDATE schemad.{table} SET {', '.join(f'{c} = {c} + $1 * interval $$1 s$$' for c in columns)} WHERE {which}"
    for table, columns, which in (
        ("schema_requests", ["next_attempt_at"], "processed_at IS NULL AND verdict IS NULL"),
        ("pruning", ["turn_at"], "true"),
        ("watch", ["started_at", "ends_at"], "true"),
    )
]


class NoTarget(Exception):
    """There was nothing to do this to at that moment."""


@dataclass(frozen=True, slots=True)
class World:
    """What a fault happens to.

    Attributes:
        cluster: The servers.
        fleet: The daemons.
        roles: The logins of requesters.
        strike: Called when it happens, where something had to be made ready, or waited for, before.
    """

    cluster: Cluster
    fleet: list[Member]
    roles: list[str]
    strike: Callable[[], None]


Fault = Callable[[World, random.Random], Awaitable[None]]


async def kill_daemon(world: World, chance: random.Random) -> None:
    """kill -9 of a daemon, which is started again."""
    chance.choice(world.fleet).signal(signal.SIGKILL)


async def terminate_daemon(world: World, chance: random.Random) -> None:
    """SIGTERM to a daemon, which is started again."""
    chance.choice(world.fleet).signal(signal.SIGTERM)


async def stop_daemon(world: World, chance: random.Random) -> None:
    """SIGSTOP of a daemon, and SIGCONT after seconds."""
    member = chance.choice(world.fleet)
    member.signal(signal.SIGSTOP)
    try:
        await asyncio.sleep(chance.uniform(0.2, 6))
    finally:
        member.signal(signal.SIGCONT)


async def kill_daemons_backend(world: World, chance: random.Random) -> None:
    """kill -9 of a session of a daemon: the server ends all others, and recovers."""
    async with world.cluster.lock:
        await _signal_backend(world, chance, chance.choice(JOBS), signal.SIGKILL)


async def kill_requesters_backend(world: World, chance: random.Random) -> None:
    """The same to a session of a requester."""
    async with world.cluster.lock:
        await _signal_backend(world, chance, REQUESTERS, signal.SIGKILL)


async def stop_backend(world: World, chance: random.Random) -> None:
    """SIGSTOP of a session of a daemon, perhaps in the middle of a batch, and SIGCONT after seconds."""
    await _stop(world, chance, chance.choice(JOBS))


async def stop_requesters_backend(world: World, chance: random.Random) -> None:
    """The same to a session of a requester, perhaps with what it submits not yet committed."""
    await _stop(world, chance, REQUESTERS)


async def terminate_backend(world: World, chance: random.Random) -> None:
    """pg_terminate_backend() of a session, or of all of a daemon's kind."""
    pattern = chance.choice([*JOBS, *JOBS, REQUESTERS, DAEMONS])
    async with world.cluster.admin() as admin:
        world.strike()
        sessions = await admin.fetch(SESSIONS, pattern)
        chosen = sessions if pattern == DAEMONS else _one(sessions, chance)
        await admin.fetch(
            "SELECT pg_terminate_backend(pid) FROM unnest($1::integer[]) AS u (pid)", [s["pid"] for s in chosen]
        )


async def cancel_statement(world: World, chance: random.Random) -> None:
    """pg_cancel_backend() of a daemon's sessions that have something to do."""
    async with world.cluster.admin() as admin:
        world.strike()
        sessions = await admin.fetch(SESSIONS, chance.choice(JOBS[1:]))
        await admin.fetch(
            "SELECT pg_cancel_backend(pid) FROM unnest($1::integer[]) AS u (pid)", [s["pid"] for s in sessions]
        )


async def kill_postmaster(world: World, chance: random.Random) -> None:
    """kill -9 of the postmaster, which is started again after a while."""
    async with world.cluster.lock:
        world.strike()
        with _held_down(world.cluster):
            await world.cluster.kill_primary()
            await asyncio.sleep(chance.choice([0, 0, 0.5, 2]))


async def restart_server(world: World, chance: random.Random) -> None:
    """A restart in order, as for an update."""
    async with world.cluster.lock:
        world.strike()
        with _held_down(world.cluster):
            await world.cluster.stop_primary()
            await asyncio.sleep(chance.choice([0, 0, 0.5, 2]))


async def silence_link(world: World, chance: random.Random) -> None:
    """A half-open link: nothing gets through, nobody is told; later it is gone, or goes on."""
    links = chance.choice(world.fleet).links
    chosen = links.some(chance)
    links.silence(chosen, new_ones=len(chosen) != 1 and chance.random() < 0.7)
    try:
        await asyncio.sleep(chance.uniform(0.5, 8))
    finally:
        links.heal(chosen, forgotten=chance.random() < 0.6)


async def slow_link(world: World, chance: random.Random) -> None:
    """A link that is late with everything."""
    links = chance.choice(world.fleet).links
    links.drag(chance.choice([0.02, 0.1, 0.4]))
    try:
        await asyncio.sleep(chance.uniform(0.5, 5))
    finally:
        links.drag(0)


async def reset_link(world: World, chance: random.Random) -> None:
    """Links that break, and both ends are told."""
    for link in _some(chance.choice(world.fleet).links.some(chance)):
        link.reset()


async def cut_reply(world: World, chance: random.Random) -> None:
    """Links that break after so many bytes of replies: what was committed is not told."""
    for link in _some(chance.choice(world.fleet).links.some(chance)):
        link.cut_after = chance.choice([0, 1, 20, 200, 1000, 5000])


async def fill_disk(world: World, chance: random.Random) -> None:
    """No space left where the server has its data and its log of writes; freed after seconds."""
    async with world.cluster.lock:
        place = world.cluster.primary
        if not place.is_mounted:
            raise NoTarget("mounting is not allowed here")
        for left in (0, 65536, 1 << 20, 1 << 24):  # more may be written at this very moment
            with contextlib.suppress(subprocess.CalledProcessError):
                world.strike()
                place.resize(full=True, left=left + chance.choice([0, 8192, 262144]))
                break
        try:
            await asyncio.sleep(chance.uniform(0.3, 3))
        finally:
            place.resize(full=False)


async def fail_over(world: World, chance: random.Random) -> None:
    """kill -9 of the primary, for good, and promotion of a standby that has all that was acknowledged."""
    async with world.cluster.lock:
        try:
            await world.cluster.make_standby()
            await asyncio.sleep(chance.uniform(0.2, 1))
            world.strike()
            await world.cluster.fail_over()
        except BaseException:
            await world.cluster.drop_standby()
            raise


async def lock_table(world: World, chance: random.Random) -> None:
    """Somebody holds a table that others refer to."""
    table = f"public.{HOT}_{chance.choice(world.roles)}_{chance.randrange(HOT_COUNT)}"
    mode = chance.choice(["ACCESS EXCLUSIVE", "ROW EXCLUSIVE", "SHARE ROW EXCLUSIVE"])
    async with world.cluster.admin() as admin:
        await admin.execute("BEGIN")
        await admin.execute(f"LOCK TABLE {table} IN {mode} MODE")
        world.strike()
        await asyncio.sleep(chance.uniform(0.3, 4))


async def end_idle_sessions(world: World, chance: random.Random) -> None:
    """idle_session_timeout for every session, those that are there included."""
    timeout = chance.choice([50, 200, 1000])
    async with world.cluster.admin() as admin:
        world.strike()
        await admin.execute(f"ALTER SYSTEM SET idle_session_timeout = {timeout}")
        await admin.execute("SELECT pg_reload_conf()")
    try:
        await asyncio.sleep(chance.uniform(0.5, 4))
    finally:
        await _insist(world, "ALTER SYSTEM RESET idle_session_timeout", "SELECT pg_reload_conf()")


async def jump_clock(world: World, chance: random.Random) -> None:
    """What a clock that jumped for a while has left: times far ahead, or far back, in whatever is timed.

    The clock itself stays: columns that say when a request, a turn or a watch is next are moved as it would have.
    """
    by = chance.choice([-86400.0, -3600.0, 3600.0, 86400.0])
    async with world.cluster.admin() as admin:
        world.strike()
        for statement in MOVED:
            await admin.execute(statement, by)


async def take_all_connections(world: World, chance: random.Random) -> None:
    """More sessions than the server has room for."""
    role = chance.choice(world.roles)
    dsn = world.cluster.dsn(role, world.cluster.primary.port)
    taken: list[Connection] = []
    try:
        with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError):
            while True:
                taken.append(await asyncpg.connect(dsn, timeout=3))
        for member in world.fleet:
            for link in member.links.some(chance):
                link.reset()
        await asyncio.sleep(chance.uniform(0.5, 3))
    finally:
        for connection in taken:
            connection.terminate()


KINDS: dict[str, Fault] = {
    fault.__name__: fault
    for fault in (
        kill_daemon,
        terminate_daemon,
        stop_daemon,
        kill_daemons_backend,
        kill_requesters_backend,
        stop_backend,
        stop_requesters_backend,
        terminate_backend,
        cancel_statement,
        kill_postmaster,
        restart_server,
        silence_link,
        slow_link,
        reset_link,
        cut_reply,
        fill_disk,
        fail_over,
        lock_table,
        end_idle_sessions,
        jump_clock,
        take_all_connections,
    )
}
# Those that take a minute's worth of copying are rarer than the others.
RARE = {"fail_over"}


def _one(sessions: list["asyncpg.Record"], chance: random.Random) -> list["asyncpg.Record"]:
    if not sessions:
        raise NoTarget("there is no such session at the moment")
    return [chance.choice(sessions)]


def _some(links: list[Link]) -> list[Link]:
    if not links:
        raise NoTarget("there is no link at the moment")
    return links


async def _signal_backend(world: World, chance: random.Random, pattern: str, number: signal.Signals) -> None:
    async with world.cluster.admin() as admin:
        (session,) = _one(await admin.fetch(SESSIONS, pattern), chance)
        world.strike()
        try:
            os.kill(session["pid"], number)
        except ProcessLookupError:
            raise NoTarget("the session ended just now") from None


async def _stop(world: World, chance: random.Random, pattern: str) -> None:
    """SIGSTOP of a session for seconds, but no longer than its server runs: a new one waits for all of the old."""
    async with world.cluster.admin() as admin:
        (session,) = _one(await admin.fetch(SESSIONS, pattern), chance)
        try:
            # Its number may be another's by the time that it is to go on; the handle never is.
            process = os.pidfd_open(session["pid"])
        except ProcessLookupError:
            raise NoTarget("the session ended just now") from None
    try:
        world.strike()
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, signal.SIGSTOP)
        server = world.cluster.primary.server
        postmaster = server.pid if server else None
        ends = asyncio.get_running_loop().time() + chance.uniform(0.5, 8)
        while server and server.pid == postmaster and asyncio.get_running_loop().time() < ends:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(LOOK)
    finally:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(process, signal.SIGCONT)
        os.close(process)


@contextlib.contextmanager
def _held_down(cluster: Cluster) -> Iterator[None]:
    cluster.is_held_down = True
    try:
        yield
    finally:
        cluster.is_held_down = False


async def _insist(world: World, *statements: str) -> None:
    """Runs statements on whatever is the primary, until they have been run."""
    while True:
        with contextlib.suppress(*LINK_ERRORS, asyncpg.PostgresError):
            async with world.cluster.admin() as admin:
                for statement in statements:
                    await admin.execute(statement)
            return
        await asyncio.sleep(0.05)
