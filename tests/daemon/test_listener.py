"""Notifications that do not come through: said once and clearly, and requests are found by polling meanwhile."""

import asyncio
import contextlib
import socket
import time

import asyncpg
import pytest

from schemad.daemon import Daemon, listener
from schemad.observe.health import ListenerState
from schemad.store import Connection, connect
from tests.support.daemons import PATIENCE, DaemonProcess, most_sweeps, running_daemon
from tests.support.databases import Database, fields
from tests.support.logs import logged
from tests.support.own_servers import NO_SERVERS, NO_SERVERS_REASON, new_database, own_server
from tests.support.pooler import NO_POOLER_REASON, PROGRAM, running_pooler
from tests.support.proxy import running_proxy
from tests.support.requests import ask, decided, submit, until
from tests.support.servers import server_names

AT_ONCE = 0.05
QUICK = {"probe_timeout": 1.0, "poll_interval": AT_ONCE}
on_one_server = pytest.mark.parametrize("server", server_names()[-1:], indirect=True)
with_pooler = pytest.mark.skipif(PROGRAM is None, reason=NO_POOLER_REASON)


async def test_a_listener_that_hears_nothing_says_so_once_names_the_likely_cause_polls_and_listens_once_it_can(
    database: Database, app: Connection
) -> None:
    direct = database.dsn("daemon_login")
    async with running_proxy(direct) as proxy:
        proxy.deafen()
        with logged() as lines:
            # It is ready all the same.
            async with running_daemon(direct, listen_dsn=proxy.dsn, **QUICK) as daemon:
                assert daemon.listener.state is ListenerState.DEAF
                assert (await ask(app, "polled", fields("a")))["status"] == "approved"
                # It tries again, after the one at its start, and says nothing new.
                for _ in range(3):
                    await proxy.next_link()
                assert len(lines.of("listener.deaf")) == 1
                proxy.hear()
                await lines.next("listener.connected")
                assert daemon.listener.listening.is_set()
    told = lines.of("listener.deaf")[0]
    assert told["log_level"] == "warning"
    assert "PgBouncer" in told["advice"]
    assert "SCHEMAD_LISTEN_DSN" in told["advice"]
    assert lines.of("daemon.ready")[0]["listener"] == "deaf"
    assert lines.events(least="warning") == ["listener.deaf"]
    # That requests are found by polling is no surprise meanwhile.
    assert "queue.found_by_poll" not in lines.events()


async def test_a_queue_with_transactions_that_the_server_has_forgotten_is_cleared_and_listened_to(
    database: Database, app: Connection
) -> None:
    direct = database.dsn("daemon_login")
    async with running_proxy(direct) as proxy:
        # Servers before 15.15, 16.11, 17.7 and 18.1 said so until somebody asked how full the queue is.
        proxy.refuse_once(b"LISTEN", "58P01", "could not access status of transaction 1048500")
        with logged() as lines:
            async with running_daemon(direct, listen_dsn=proxy.dsn) as daemon:
                assert daemon.listener.listening.is_set()
                assert (await ask(app, "heard", fields("a")))["status"] == "approved"
    # On the same session, at once.
    assert lines.events(least="warning") == []


async def test_the_last_proof_of_a_listener_is_as_old_as_its_last_probe(database: Database) -> None:
    async with running_daemon(database.dsn("daemon_login"), probe_interval=0.05) as daemon:
        before = daemon.listener.last_proof
        assert before is not None
        async with asyncio.timeout(PATIENCE):
            while daemon.listener.last_proof == before:  # noqa: ASYNC110 - nobody is told of it
                await asyncio.sleep(0.01)


# With polls in between, or none.
@pytest.mark.parametrize("poll_interval", [0.7, 30])
async def test_an_idle_daemon_proves_the_links_for_listening_and_for_reading_by_one_query(
    database: Database, admin: Connection, poll_interval: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    # 0.6 s for 0.45 s. A busy machine may miss that at times, but not in each of so many spells.
    monkeypatch.setattr(listener, "PROBED_AFTER", 1.2)
    spells = 10
    asked = (
        "SELECT application_name, query_start FROM pg_stat_activity "
        "WHERE datname = current_database() AND pid <> pg_backend_pid() ORDER BY pid"
    )

    async def proven(times: int) -> None:
        proofs: set[float | None] = set()
        async with asyncio.timeout(PATIENCE):
            while len(proofs) <= times:  # nobody is told of them
                proofs.add(daemon.listener.last_proof)
                await asyncio.sleep(0.01)

    limits = {"probe_interval": 0.5, "poll_interval": poll_interval}
    async with running_daemon(database.dsn("daemon_login"), **limits) as daemon:
        await proven(1)
        for _ in range(spells):
            before = await admin.fetch(asked)
            await proven(5)
            after = await admin.fetch(asked)
            moved = {now["application_name"] for then, now in zip(before, after, strict=True) if then != now}
            if moved == {"schemad worker"}:
                return
    pytest.fail(f"in each of {spells} spells there asked: {moved}")


async def test_sessions_outlive_the_idle_session_timeout_of_the_server(
    database: Database, admin: Connection, app: Connection
) -> None:
    await admin.execute(f"ALTER DATABASE {database.name} SET idle_session_timeout = '100ms'")
    ours = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = ANY ($1)"
    jobs = ["schemad listener", "schemad worker", "schemad applier"]
    async with running_daemon(database.dsn("daemon_login")):
        before = await admin.fetch(f"SELECT pid {ours}", jobs)
        assert len(before) == 4
        # Another session with that timeout has come to its end meanwhile, so theirs would have too.
        async with database.connection("app_two") as idle:
            ended = asyncio.Event()
            idle.add_termination_listener(lambda _: ended.set())
            await asyncio.wait_for(ended.wait(), 20)
        assert await admin.fetch(f"SELECT pid {ours}", jobs) == before


async def test_both_ends_are_to_notice_that_a_link_of_the_daemon_s_is_dead(database: Database) -> None:
    session = await connect(database.dsn("daemon_login"), job="test", lock_timeout=1, pinned=True)
    try:
        names = ("tcp_keepalives_idle", "tcp_user_timeout", "idle_in_transaction_session_timeout")
        server_end = [await session.fetchval(f"SHOW {name}") for name in names]
        end = session._transport.get_extra_info("socket")  # type: ignore[attr-defined]
        assert end.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    finally:
        session.terminate()
    assert server_end == ["10", "15000", "10s"]


@with_pooler
@on_one_server
@pytest.mark.parametrize("pool_size", ["1", "20"])
async def test_behind_pgbouncer_in_transaction_mode_a_listener_says_so_and_polls(
    database: Database, app: Connection, pool_size: str
) -> None:
    direct = database.dsn("daemon_login")
    # With a pool of one, a session hears itself: it gets the same backend each time.
    with running_pooler(direct, default_pool_size=pool_size) as pooled, logged() as lines:
        async with running_daemon(direct, listen_dsn=pooled, **QUICK) as daemon:
            assert daemon.listener.state is ListenerState.DEAF
            assert (await ask(app, "polled", fields("a")))["status"] == "approved"
    assert len(lines.of("listener.deaf")) == 1
    assert "listener.connected" not in lines.events()


@with_pooler
@on_one_server
async def test_behind_pgbouncer_in_session_mode_a_listener_hears(database: Database, app: Connection) -> None:
    direct = database.dsn("daemon_login")
    with running_pooler(direct, pool_mode="session") as pooled:
        async with running_daemon(direct, listen_dsn=pooled) as daemon:
            assert daemon.listener.state is ListenerState.LISTENING
            assert (await ask(app, "heard", fields("a")))["status"] == "approved"


@with_pooler
@on_one_server
@pytest.mark.parametrize("ignored", ["", "lock_timeout,statement_timeout,search_path,jit"])
async def test_a_daemon_refuses_to_work_through_pgbouncer_and_says_what_would_do(
    database: Database, ignored: str
) -> None:
    settings = {}
    if ignored:
        # As people do who have met the refusal: the settings are then dropped silently.
        settings["ignore_startup_parameters"] = (
            ignored + ",quote_all_identifiers,array_nulls,transform_null_equals,row_security,idle_session_timeout,"
            "default_transaction_isolation,"
            "idle_in_transaction_session_timeout,tcp_keepalives_idle,tcp_keepalives_interval,"
            "tcp_keepalives_count,tcp_user_timeout"
        )
    with running_pooler(database.dsn("daemon_login"), **settings) as pooled:
        process = await DaemonProcess.start(pooled)
        assert await process.end() == 1
    said = "".join(process.lines)
    assert "PgBouncer" in said
    assert "SCHEMAD_DSN has to lead to PostgreSQL itself" in said
    assert "Traceback" not in said


@pytest.mark.skipif(NO_SERVERS, reason=NO_SERVERS_REASON)
async def test_a_full_queue_of_notifications_is_told_once_and_all_goes_on_when_it_has_room_again() -> None:
    with own_server(max_notify_queue_pages="64") as server:
        if server.binaries.major < 17:
            pytest.skip("only from PostgreSQL 17 on the queue can be made small enough to be filled")
        database = await asyncio.to_thread(new_database, server)
        async with (
            database.connection() as sleeper,
            database.connection() as admin,
            database.connection("app_one") as app,
        ):
            with logged() as lines:
                async with running_daemon(database.dsn("daemon_login"), probe_interval=0.2) as daemon:
                    # Queued without a wake-up, as nobody can send one by then.
                    await admin.execute("ALTER TABLE schemad.schema_requests DISABLE TRIGGER wake_daemons")
                    # Somebody listens, and does not come to read.
                    await sleeper.execute("LISTEN noise")
                    await sleeper.execute("BEGIN")
                    waiting = await submit(app, "waiting", fields("a"))
                    await _fill_the_queue(admin)
                    await lines.next("listener.lost")
                    daemon.worker._wakeup.set()
                    assert "notification" in (await lines.next("worker.lost"))["error"]
                    # They try again and again, and say so once.
                    await lines.next("worker.lost", 3)
                    await lines.next("listener.lost", 3)
                    assert sorted(lines.events(least="warning")) == ["listener.lost", "worker.lost"]
                    request = await admin.fetchrow("SELECT * FROM schemad.schema_requests WHERE id = $1", waiting)
                    assert request is not None
                    assert (request["attempts"], request["last_error"]) == (0, None)
                    await sleeper.execute("ROLLBACK")
                    assert (await decided(app, waiting))["status"] == "approved"
                    await lines.next("listener.connected", 2)
    assert not {"request.unrecorded", "batch.broken", "request.failed"} & set(lines.events())


async def _fill_the_queue(connection: Connection) -> None:
    with contextlib.suppress(asyncpg.ProgramLimitExceededError):
        while True:
            await connection.execute(
                "SELECT pg_notify('noise', n || repeat('x', 7900)) FROM generate_series(1, 20) AS n"
            )


async def test_a_flood_of_announced_watches_costs_few_sweeps_and_hardly_delays_a_request(
    database: Database, app: Connection, daemon: Daemon
) -> None:
    async with database.connection("stranger") as stranger:
        swept, started = daemon.worker.sweeps, time.monotonic()
        for _ in range(500):
            await stranger.execute("NOTIFY schemad_watch")
        assert daemon.worker.sweeps - swept <= most_sweeps(time.monotonic() - started)
        assert (await ask(app, "honest", fields("a")))["status"] == "approved"


@pytest.mark.parametrize("channel", ["schemad_requests", "schemad_watch", "schemad_probe_1"])
async def test_no_payload_of_a_stranger_s_notification_is_read(
    database: Database, app: Connection, admin: Connection, daemon: Daemon, channel: str
) -> None:
    async with database.connection("stranger") as stranger:
        await stranger.execute("SELECT pg_notify($1, repeat('x', 7999))", channel)
    assert (await ask(app, "honest", fields("a")))["status"] == "approved"
    await until(admin, "(SELECT count(*) = 1 FROM schemad.schema_requests)")
