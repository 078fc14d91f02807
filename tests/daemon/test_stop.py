"""How a daemon stops: in order, within its deadline, and at once when it is told twice."""

import json
import signal
import tempfile
from pathlib import Path

import pytest

from schemad.store import Connection
from tests.support.daemons import DaemonProcess, daemon_process, running_daemon
from tests.support.databases import Database, fields
from tests.support.logs import logged
from tests.support.proxy import running_proxy
from tests.support.requests import ask, assert_all_or_nothing, decided, on_creation, submit, until
from tests.support.servers import server_names
from tests.support.service_manager import service_manager

pytestmark = pytest.mark.parametrize("server", server_names()[-1:], indirect=True)
# Longer than any test's patience.
LONG = {"SCHEMAD_DRAIN_DEADLINE": "600", "SCHEMAD_LOCK_TIMEOUT": "60", "SCHEMAD_STATEMENT_TIMEOUT": "600"}
WAITS = "EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted)"
NONE_LEFT = (
    "NOT EXISTS (SELECT FROM pg_stat_activity WHERE usename = 'daemon_login' AND datname = current_database())"
)


@pytest.mark.parametrize("signals", [(signal.SIGTERM, signal.SIGTERM), (signal.SIGINT, signal.SIGTERM)])
async def test_a_second_signal_stops_at_once_whatever_is_in_hand(
    database: Database, admin: Connection, app: Connection, signals: tuple[signal.Signals, signal.Signals]
) -> None:
    await admin.execute("SELECT pg_advisory_lock(42)")
    await on_creation(admin, "slow", "PERFORM pg_advisory_xact_lock(42)")
    async with daemon_process(database.dsn("daemon_login"), **LONG) as process:
        slow = await submit(app, "slow", fields("a"))
        await until(admin, WAITS)
        process.signal(signals[0])
        await process.event("daemon.stopping")
        process.signal(signals[1])
        assert await process.end() == 0
        lines = "".join(process.lines)
        assert "daemon.stopping_at_once" in lines
        assert "daemon.part_left" not in lines
    # The statement in hand was cancelled with it: nothing of it goes on, and nothing is half done.
    await until(admin, NONE_LEFT)
    assert await assert_all_or_nothing(admin) == 0
    await admin.execute("SELECT pg_advisory_unlock(42)")
    async with daemon_process(database.dsn("daemon_login")):
        assert (await decided(app, slow))["status"] == "approved"


async def test_a_daemon_whose_link_is_dead_stops_within_its_deadline_all_the_same(
    database: Database, admin: Connection, app: Connection
) -> None:
    await admin.execute("SELECT pg_advisory_lock(42)")
    await on_creation(admin, "slow", "PERFORM pg_advisory_xact_lock(42)")
    async with (
        running_proxy(database.dsn("daemon_login")) as proxy,
        daemon_process(proxy.dsn, **LONG | {"SCHEMAD_DRAIN_DEADLINE": "0.5"}) as process,
    ):
        await submit(app, "slow", fields("a"))
        await until(admin, WAITS)
        proxy.silence()
        process.signal(signal.SIGTERM)
        assert await process.end() == 0
        assert "daemon.deadline_passed" in "".join(process.lines)


async def test_sigterm_while_it_waits_ends_it_at_once(database: Database) -> None:
    async with daemon_process(database.dsn("daemon_login"), **LONG) as process:
        process.signal(signal.SIGTERM)
        assert await process.end() == 0
        told = {json.loads(line)["event"] for line in process.lines}
        assert not {"daemon.stopping_at_once", "daemon.deadline_passed", "daemon.part_left"} & told


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_stop_before_the_database_was_reached_is_heard_and_ends_in_order(
    database: Database, number: signal.Signals
) -> None:
    async with running_proxy(database.dsn("daemon_login")) as proxy:
        proxy.silence()
        # Longer than the test's patience: it is not the end of this that ends it.
        process = await DaemonProcess.start(proxy.dsn, **LONG, SCHEMAD_CONNECT_TIMEOUT="300")
        try:
            await proxy.next_link()
            process.signal(number)
            assert await process.end() == 0
        finally:
            await process.kill()
    assert [json.loads(line)["event"] for line in process.lines] == ["daemon.stopping", "daemon.stopped"]


async def test_a_stop_while_a_database_that_is_away_is_waited_for_ends_in_order(database: Database) -> None:
    with tempfile.TemporaryDirectory(prefix="schemad-") as directory, service_manager(Path(directory)) as manager:
        process = await DaemonProcess.start("postgresql:///app?host=/nowhere", **manager.environment())
        try:
            await process.event("database.lost")
            process.signal(signal.SIGTERM)
            assert await process.end() == 0
        finally:
            await process.kill()
        assert "STOPPING=1" in "".join(manager.listen())
    assert [json.loads(line)["event"] for line in process.lines[-2:]] == ["daemon.stopping", "daemon.stopped"]


async def test_a_daemon_that_is_stopped_as_a_batch_is_done_ends_at_once(
    database: Database, admin: Connection, app: Connection
) -> None:
    with logged() as lines:
        for n in range(20):
            # The requester is told with the commit, when the daemon is not yet.
            async with running_daemon(database.dsn("daemon_login")):
                assert (await ask(app, f"t_{n}", fields("a")))["status"] == "approved"
    assert "daemon.deadline_passed" not in lines.events()
