"""What a service manager is told: that the daemon is ready, what it does, and that it is alive if it is."""

import asyncio
import contextlib
import os
import signal
import tempfile
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog
from structlog.testing import capture_logs

from schemad.daemon import Daemon
from schemad.daemon.intake import Intake
from schemad.daemon.listening_session import ListeningSession
from schemad.daemon.service_manager import LONGEST_STATUS, ServiceManager
from schemad.embedded import EmbeddedPostgres, installed_majors
from schemad.observe.health import ListenerState, WorkerState
from schemad.settings import Settings
from schemad.store import Connection
from tests.support.daemons import PATIENCE, daemon_process, daemon_settings
from tests.support.databases import Database, Template, fields
from tests.support.requests import ask, submit
from tests.support.servers import SERVER_SETTINGS, Server, server_names
from tests.support.service_manager import Manager, service_manager

PERIOD = 0.2
# Parts that have a proof to give ten times in a period.
BUSY = {"probe_interval": PERIOD / 10, "probe_timeout": 5.0}
NOBODY_WAITS = 1e6

on_one_server = pytest.mark.parametrize("server", server_names()[-1:], indirect=True, scope="session")


@pytest.fixture
def manager() -> Iterator[Manager]:
    # Not pytest's directory, whose path may be too long for a socket.
    with tempfile.TemporaryDirectory(prefix="schemad-") as directory, service_manager(Path(directory)) as made:
        yield made


@contextlib.asynccontextmanager
async def managed_daemon(dsn: str, manager: Manager, **overrides: object) -> AsyncIterator[Daemon]:
    """A daemon in this process that tells a manager, from its start to its orderly end."""
    settings = daemon_settings(dsn, **overrides)
    told = ServiceManager(manager.environment(PERIOD), structlog.get_logger("schemad"))
    daemon = Daemon(settings, load_settings=settings.model_copy, manager=told)
    running = asyncio.create_task(daemon.run(handle_signals=False))
    try:
        yield daemon
    finally:
        daemon.stop()
        await asyncio.wait_for(running, PATIENCE)


async def test_it_is_ready_once_the_queue_was_worked_off(
    app: Connection, database: Database, manager: Manager
) -> None:
    await submit(app, "before", fields("a"))
    async with managed_daemon(database.dsn("daemon_login"), manager):
        await manager.told("READY=1")
        assert await app.fetchval("SELECT to_regclass('before') IS NOT NULL")
        # Told before, so that whoever waited for it to be ready finds it.
        assert "STATUS=listening; 1 request decided; idle" in manager.heard


@on_one_server
async def test_it_tells_what_it_does(app: Connection, database: Database, manager: Manager) -> None:
    async with managed_daemon(database.dsn("daemon_login"), manager):
        await manager.told("STATUS=listening; 0 requests decided; idle")
        await ask(app, "notes", fields("a"))
        await manager.told("STATUS=listening; 1 request decided; idle")
        manager.listen()
    said = manager.listen()
    assert said[0].splitlines() == ["STOPPING=1", "EXTEND_TIMEOUT_USEC=20000000"]
    assert said[1] == "STATUS=stopping: finishes what is in hand"


@on_one_server
async def test_one_that_only_polls_says_so(database: Database, manager: Manager) -> None:
    async with managed_daemon(database.dsn("daemon_login"), manager, listen=False, poll_interval=30.0):
        await manager.told("STATUS=polling every 30 s; 0 requests decided; idle")


@on_one_server
async def test_a_reload_is_told_with_its_time_and_its_end(database: Database, manager: Manager) -> None:
    async with managed_daemon(database.dsn("daemon_login"), manager) as daemon:
        await manager.told("READY=1")
        before = time.monotonic_ns() // 1000
        daemon.reload()
        message = await manager.told("RELOADING=1")
        assert before <= int(message.partition("MONOTONIC_USEC=")[2]) <= time.monotonic_ns() // 1000
        await manager.told("READY=1")


@on_one_server
async def test_the_watchdog_is_fed_while_all_parts_prove_themselves(database: Database, manager: Manager) -> None:
    async with managed_daemon(database.dsn("daemon_login"), manager, **BUSY) as daemon:
        await manager.told("READY=1")
        for _ in range(5):
            at = daemon.listener.pulse.at, daemon.worker.pulse.at
            await manager.told("WATCHDOG=1")
            async with asyncio.timeout(PATIENCE):
                while daemon.listener.pulse.at == at[0] or daemon.worker.pulse.at == at[1]:
                    await manager.told("WATCHDOG=1")


@on_one_server
@pytest.mark.slow
@pytest.mark.parametrize("part", ["worker", "listener"])
async def test_a_part_that_stands_still_is_named_and_not_spoken_for_by_the_other(
    part: str, database: Database, manager: Manager, monkeypatch: pytest.MonkeyPatch
) -> None:
    stands_still = asyncio.Event()

    async def never(*_: object) -> None:
        stands_still.set()
        await asyncio.Event().wait()

    async with managed_daemon(database.dsn("daemon_login"), manager, **BUSY) as daemon:
        await manager.told("READY=1")
        if part == "worker":
            monkeypatch.setattr(Intake, "read", never)
            daemon._wakeup.set()
        else:
            monkeypatch.setattr(ListeningSession, "probe", never)
        async with asyncio.timeout(PATIENCE):
            await stands_still.wait()
        # As if that long had passed, with the other part going on.
        at = daemon.listener.pulse.at if part == "listener" else daemon.worker.pulse.at
        allowed = {"listener": daemon._watchdog._listener_may_take, "worker": daemon._watchdog._worker_may_take}
        later = at + allowed[part]() + 0.001
        other = daemon.worker.pulse if part == "listener" else daemon.listener.pulse
        other.at = later
        assert [late.part for late in daemon._watchdog.late(later)] == [part]
        manager.listen()
        with capture_logs() as logs:
            daemon._watchdog.look(later)
            daemon._watchdog.look(later)
        assert not [m for m in manager.listen() if m == "WATCHDOG=1"]
        assert [(line["event"], line["part"]) for line in logs] == [("watchdog.unfed", part)]
        # Nothing else that would let it go on is missing: it is fed once the part gets on.
        (daemon.listener if part == "listener" else daemon.worker).pulse.at = later
        daemon._watchdog.look(later)
        assert "WATCHDOG=1" in manager.listen()
        monkeypatch.undo()


@on_one_server
async def test_a_listener_that_is_switched_off_owes_no_proof(database: Database, manager: Manager) -> None:
    async with managed_daemon(database.dsn("daemon_login"), manager, listen=False) as daemon:
        await manager.told("READY=1")
        late = daemon._watchdog.late(time.monotonic() + NOBODY_WAITS)
        assert [each.part for each in late] == ["worker"]


def test_a_part_that_stands_still_is_late_within_a_minute_and_a_half(manager: Manager) -> None:
    log = structlog.get_logger("schemad")
    daemon = Daemon(Settings(), manager=ServiceManager(manager.environment(PERIOD), log))
    for state in WorkerState:
        daemon.worker.state = state
        assert daemon._watchdog._worker_may_take() <= 90
    for heard in ListenerState:
        daemon.listener.state = heard
        assert daemon._watchdog._listener_may_take() <= 90


@pytest.fixture(scope="module")
def own_server() -> Iterator[EmbeddedPostgres]:
    memory = Path("/dev/shm")
    with (
        tempfile.TemporaryDirectory(prefix="schemad-", dir=memory if memory.is_dir() else None) as directory,
        EmbeddedPostgres(Path(directory) / "data", settings=SERVER_SETTINGS) as running,
    ):
        yield running


@pytest.fixture(scope="module")
def own_database(own_server: EmbeddedPostgres) -> Iterator[Database]:
    with Template(Server(own_server.dsn())).made() as template, template.copy() as copy:
        yield copy


needs_own_server = pytest.mark.skipif(not installed_majors(), reason="no PostgreSQL server programs here")


@needs_own_server
async def test_a_database_that_is_away_does_not_starve_the_watchdog_as_long_as_it_is_tried(
    own_server: EmbeddedPostgres, own_database: Database, manager: Manager
) -> None:
    async with managed_daemon(own_database.dsn("daemon_login"), manager, **BUSY) as daemon:
        await manager.told("READY=1")
        own_server.stop()
        try:
            await manager.told("STATUS=database unreachable since ")
            for pulse in (daemon.listener.pulse, daemon.worker.pulse):
                async with asyncio.timeout(PATIENCE):
                    while pulse.outage is None or pulse.outage.failures < 4:
                        await manager.told("WATCHDOG=1")
            # It is the attempts that feed it: without one for long enough nothing does.
            late = daemon._watchdog.late(time.monotonic() + NOBODY_WAITS)
            assert {each.part for each in late} == {"listener", "worker"}
        finally:
            own_server.start()
        await manager.told("STATUS=listening; ")
        assert daemon.worker.pulse.outage is None


@needs_own_server
async def test_under_a_manager_a_database_that_is_not_there_yet_is_waited_for(
    own_server: EmbeddedPostgres, own_database: Database, manager: Manager
) -> None:
    own_server.stop()
    try:
        with capture_logs() as logs:
            async with managed_daemon(own_database.dsn("daemon_login"), manager):
                await manager.told("STATUS=database unreachable since ")
                own_server.start()
                await manager.told("READY=1")
        assert not any(message.startswith("READY=1") for message in manager.heard[:-1])
        warnings = [line["event"] for line in logs if line["log_level"] == "warning"]
        assert warnings.count("database.lost") == 1
    finally:
        if own_server.pid is None:
            own_server.start()


@on_one_server
async def test_a_manager_that_does_not_listen_is_told_once_and_holds_nothing_up(
    app: Connection, database: Database, manager: Manager
) -> None:
    with capture_logs() as logs:
        async with managed_daemon(database.dsn("daemon_login"), manager):
            await manager.told("READY=1")
            manager.close()
            for number in range(3):
                assert (await ask(app, f"notes_{number}", fields("a")))["status"] == "approved"
    deaf = [line for line in logs if line["event"] == "service_manager.deaf"]
    assert len(deaf) == 1
    assert deaf[0]["socket"] == manager.environment()["NOTIFY_SOCKET"]


@on_one_server
async def test_what_the_watchdog_ends_tells_where_it_stood(database: Database) -> None:
    async with daemon_process(database.dsn("daemon_login")) as process:
        process.signal(signal.SIGABRT)
        assert await process.end() == -signal.SIGABRT
    said = "".join(process.lines)
    assert "Fatal Python error: Aborted" in said
    assert "in run_fast" in said


def test_an_abstract_socket_is_spoken_to() -> None:
    manager = Manager(f"@schemad-test-{os.getpid()}")
    try:
        ServiceManager(manager.environment(), structlog.get_logger("schemad")).ready()
        assert manager.listen() == ["READY=1"]
    finally:
        manager.close()


def test_an_error_of_several_lines_is_no_further_message_and_an_endless_one_ends(manager: Manager) -> None:
    told = ServiceManager(manager.environment(), structlog.get_logger("schemad"))
    told.status("unreachable:\nWATCHDOG=1\n\tdetail")
    told.status("x" * 100_000)
    assert manager.listen() == ["STATUS=unreachable: WATCHDOG=1 detail", f"STATUS={'x' * LONGEST_STATUS}"]


@pytest.mark.parametrize(
    ("environment", "period"),
    [
        ({"WATCHDOG_USEC": "30000000"}, 30.0),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": str(os.getpid())}, 0.5),
        ({"WATCHDOG_USEC": "500000", "WATCHDOG_PID": "1"}, None),
        ({"WATCHDOG_USEC": "0"}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
        ({}, None),
    ],
)
def test_a_watchdog_is_there_for_the_process_that_it_is_meant_for(
    environment: dict[str, str], period: float | None, manager: Manager
) -> None:
    told = ServiceManager(manager.environment() | environment, structlog.get_logger("schemad"))
    assert told.watchdog_period == period


@pytest.mark.parametrize("environment", [{}, {"NOTIFY_SOCKET": ""}, {"NOTIFY_SOCKET": "vsock:2:1234"}])
def test_without_a_socket_nothing_is_told(environment: dict[str, str]) -> None:
    told = ServiceManager(environment | {"WATCHDOG_USEC": "1"}, structlog.get_logger("schemad"))
    with capture_logs() as logs:
        told.ready()
        told.alive()
    assert (told.is_there, told.watchdog_period, logs) == (False, None, [])
