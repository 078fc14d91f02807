"""Links that fail, with notice or without: the daemon connects again by itself, and no request is done twice."""

import asyncio
import time
from urllib.parse import urlsplit

import pytest

from schemad.daemon import Daemon, drain
from schemad.daemon.doubt import Doubt
from schemad.daemon.sessions import READ_TIMEOUT
from schemad.observe.health import ListenerState
from schemad.store import Connection, connect
from schemad.store.connect import LINK_ERRORS, _keep_alive
from tests.chaos.links import Links
from tests.support.daemons import PATIENCE, daemon_settings, running_daemon
from tests.support.databases import Database, fields
from tests.support.logs import logged
from tests.support.proxy import running_proxy
from tests.support.requests import INSERT, ask, assert_all_or_nothing, decided, on_creation, submit, until

VALUE = '(\'user123\', \'{}\', \'{{"fields": [{{"name": "a", "type": "text"}}]}}\')'
# As a superuser, who may.
END_SESSION = (
    "CREATE FUNCTION public.end_session() RETURNS void LANGUAGE sql SECURITY DEFINER AS "
    "'SELECT pg_terminate_backend(pg_backend_pid()) WHERE {}'"
)
# Beside what becomes of a table, for on_creation(): what another one does meanwhile.
AND_SLOW_WAITS = (
    "END IF; IF EXISTS (SELECT FROM pg_event_trigger_ddl_commands() WHERE object_identity = 'public.slow') THEN "
    "PERFORM pg_advisory_xact_lock(42)"
)
WAITS = "EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted)"
SESSIONS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = ANY ($1)"


@pytest.mark.parametrize("jobs", [["listener"], ["worker"], ["applier"], ["listener", "worker"]], ids="+".join)
async def test_terminated_sessions_are_replaced_without_a_poll(
    admin: Connection, app: Connection, daemon: Daemon, jobs: list[str]
) -> None:
    names = [f"schemad {job}" for job in jobs]
    ended = [r["pid"] for r in await admin.fetch(f"SELECT pid, pg_terminate_backend(pid) {SESSIONS}", names)]
    assert len(ended) >= len(jobs)
    # Until then a batch may be sent to a session that is about to end: an attempt that counts.
    await until(admin, "NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = ANY ($1))", ended)
    assert (await ask(app, "at_once", fields("a")))["status"] == "approved"
    await until(admin, f"(SELECT count(*) = {len(ended)} {SESSIONS} AND pid <> ALL ($2))", names, ended)
    assert (await ask(app, "later", fields("a")))["status"] == "approved"
    assert await assert_all_or_nothing(admin) == 2
    assert await admin.fetchval("SELECT max(attempts) FROM schemad.schema_requests") == 1


async def test_an_attempt_that_ends_with_the_link_is_counted_and_made_again_alone(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    await admin.execute(END_SESSION.format("(SELECT attempts FROM schemad.schema_requests WHERE id = 1) < 2"))
    await on_creation(admin, "fatal", "PERFORM public.end_session()")
    names = ["fatal", "other"]
    ids = [
        r["id"]
        for r in await app.fetch(INSERT + f"VALUES {', '.join(VALUE.format(n) for n in names)} RETURNING id")
    ]
    fatal, other = [await decided(app, i) for i in ids]
    assert [fatal["status"], other["status"]] == ["approved"] * 2
    # Once together, then each alone; the two that ended with the link, and the one that did not.
    assert (other["attempts"], fatal["attempts"]) == (2, 3)
    assert await assert_all_or_nothing(admin) == 2


async def test_a_request_that_takes_the_link_with_it_each_time_is_given_up_and_keeps_nobody_waiting(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    await admin.execute("SELECT schemad.set_policy('max_attempts', '3')")
    await admin.execute(END_SESSION.format("true"))
    await on_creation(admin, "fatal", "PERFORM public.end_session()")
    fatal = await submit(app, "fatal", fields("a"))
    assert (await ask(app, "other", fields("a")))["status"] == "approved"
    given_up = await decided(app, fatal)
    assert (given_up["verdict"], given_up["attempts"]) == ("failed", 4)
    assert given_up["last_error"] == "08006 given up after 3 attempts"


async def test_a_listener_whose_link_falls_silent_notices_and_listens_again(
    database: Database, app: Connection
) -> None:
    direct = database.dsn("daemon_login")
    async with (
        running_proxy(direct) as proxy,
        running_daemon(direct, listen_dsn=proxy.dsn, probe_interval=0.1, probe_timeout=1.0) as daemon,
    ):
        proxy.silence()
        unheard = await submit(app, "unheard", fields("a"))
        await proxy.next_link()
        assert daemon.listener.state is ListenerState.CONNECTING
        proxy.heal()
        assert (await decided(app, unheard))["status"] == "approved"
        assert (await ask(app, "heard", fields("a")))["status"] == "approved"


async def test_a_listener_is_probed_though_it_hears_of_requests_all_the_time(
    database: Database, admin: Connection, app: Connection
) -> None:
    async with running_daemon(database.dsn("daemon_login"), probe_interval=0.3):
        pid = await admin.fetchval(f"SELECT pid {SESSIONS}", ["schemad listener"])
        probed = asyncio.Event()
        await admin.add_listener(f"schemad_probe_{pid}", lambda *_: probed.set())
        async with asyncio.timeout(PATIENCE):
            while not probed.is_set():
                await admin.execute("SELECT pg_notify('schemad_requests', '') FROM pg_sleep(0.02)")


async def test_a_worker_whose_link_falls_silent_gives_it_up_and_works_on(
    database: Database, admin: Connection, app: Connection
) -> None:
    direct = database.dsn("daemon_login")
    limits = {"statement_timeout": 2.0, "probe_timeout": 0.2}
    async with running_proxy(direct) as proxy, running_daemon(proxy.dsn, listen_dsn=direct, **limits):
        assert (await ask(app, "before", fields("a")))["status"] == "approved"
        proxy.silence()
        unseen = await submit(app, "unseen", fields("a"))
        await proxy.next_link()
        proxy.heal()
        assert (await decided(app, unseen))["status"] == "approved"
    assert await assert_all_or_nothing(admin) == 2


@pytest.mark.parametrize("job", ["applier", "worker"])
async def test_a_link_that_fell_silent_before_it_was_used_is_given_up_long_before_an_answer_may_take(
    database: Database, admin: Connection, app: Connection, job: str
) -> None:
    direct = database.dsn("daemon_login")
    links = Links([urlsplit(direct).port or 5432])
    await links.start()
    through = direct.replace(f":{urlsplit(direct).port}/", f":{links.ports[0]}/")
    try:
        async with running_daemon(through, listen_dsn=direct, probe_interval=0.2, statement_timeout=3600):
            assert (await ask(app, "before", fields("a")))["status"] == "approved"
            rows = await admin.fetch(f"SELECT client_port {SESSIONS}", [f"schemad {job}"])
            ports = {row["client_port"] for row in rows}
            silenced = [link for link in links.all() if link.server_port in ports]
            links.silence(silenced, new_ones=False)
            began = time.monotonic()
            assert (await ask(app, "after", fields("a")))["status"] == "approved"
            # What it was in the middle of may have to fail first.
            assert time.monotonic() - began < READ_TIMEOUT + 4
            links.heal(silenced, forgotten=True)
    finally:
        await links.stop()
    assert await assert_all_or_nothing(admin) == 2


async def test_a_batch_that_takes_long_is_not_given_up(
    admin: Connection, app: Connection, database: Database
) -> None:
    await on_creation(admin, "slow", "PERFORM pg_sleep(3)")
    async with running_daemon(database.dsn("daemon_login"), probe_interval=0.2):
        assert (await ask(app, "slow", fields("a")))["attempts"] == 1


async def test_where_the_server_does_not_let_it_be_asked_the_link_is_kept_and_it_is_asked_again(
    database: Database, admin: Connection
) -> None:
    async with running_proxy(database.dsn("login_that_was_dropped")) as proxy:
        settings = daemon_settings(proxy.dsn, probe_interval=0.05)
        with Doubt(admin, admin.get_server_pid(), settings).awaiting():
            for _ in range(3):
                await proxy.next_link()
    assert await admin.fetchval("SELECT true")


async def test_a_request_whose_reply_is_lost_after_the_commit_is_applied_once(
    database: Database, admin: Connection, app: Connection
) -> None:
    direct = database.dsn("daemon_login")
    async with running_proxy(direct) as proxy, running_daemon(proxy.dsn, listen_dsn=direct):
        proxy.cut_reply_to(b'"plan_sql"')
        lost = await submit(app, "lost", fields("a"))
        await asyncio.wait_for(proxy.was_cut.wait(), PATIENCE)
        # It was committed, though the daemon was not told.
        assert (await decided(app, lost))["status"] == "approved"
        assert (await ask(app, "next", fields("a")))["status"] == "approved"
    assert await assert_all_or_nothing(admin) == 2


async def test_a_worker_that_has_nothing_to_do_notices_that_its_link_is_dead(
    database: Database, app: Connection
) -> None:
    direct = database.dsn("daemon_login")
    limits = {"probe_interval": 0.1, "probe_timeout": 1.0, "connect_timeout": 4.0}
    with logged() as lines:
        async with (
            running_proxy(direct) as proxy,
            running_daemon(proxy.dsn, listen_dsn=direct, **limits) as daemon,
        ):
            before = daemon.worker.last_success
            proxy.silence()
            # Before any request comes that would wait for it.
            await lines.next("worker.lost")
            proxy.heal()
            await lines.next("worker.connected", 2)
            assert before is not None
            assert daemon.worker.last_success is not None
            assert daemon.worker.last_success > before
            assert (await ask(app, "later", fields("a")))["status"] == "approved"


async def test_a_server_process_that_stands_still_is_noticed_and_keeps_nobody_else_waiting(
    database: Database, admin: Connection, app: Connection
) -> None:
    limits = {"probe_interval": 0.1, "probe_timeout": 1.0, "statement_timeout": 2.0}
    with logged() as lines:
        async with running_daemon(database.dsn("daemon_login"), **limits):
            pid = await admin.fetchval(SESSIONS.replace("FROM", "SELECT pid FROM", 1), ["schemad worker"])
            await admin.execute(f"COPY (SELECT) TO PROGRAM 'cat >/dev/null; kill -STOP {pid}'")
            try:
                await lines.next("worker.lost")
                assert (await ask(app, "notes", fields("a")))["status"] == "approved"
            finally:
                await admin.execute(f"COPY (SELECT) TO PROGRAM 'cat >/dev/null; kill -CONT {pid}'")


async def test_a_claim_whose_daemon_is_cut_off_is_freed_by_the_server_and_taken_by_another_daemon(
    database: Database, admin: Connection, app: Connection
) -> None:
    await admin.execute("SELECT pg_advisory_lock(42)")
    await on_creation(admin, "slow", "PERFORM pg_advisory_xact_lock(42)")
    direct = database.dsn("daemon_login")
    # In the end it waits for no reply, as none can come.
    limits = {"statement_timeout": 1.0, "lock_timeout": 30.0, "drain_deadline": 0.1}
    async with running_proxy(direct) as proxy, running_daemon(proxy.dsn, listen_dsn=direct, **limits):
        slow = await submit(app, "slow", fields("a"))
        await until(admin, WAITS)
        # Nobody hears of it again; its claim is there, and the server's limit for a statement is what ends it.
        proxy.silence()
        async with running_daemon(direct, lock_timeout=30.0):
            await admin.execute("DROP EVENT TRIGGER interfere")
            request = await decided(app, slow)
            assert request["status"] == "approved"
        await admin.execute("SELECT pg_advisory_unlock(42)")
    assert await assert_all_or_nothing(admin) == 1


async def test_only_what_was_tried_on_the_link_that_ended_counts_as_an_attempt(
    database: Database, admin: Connection, app: Connection
) -> None:
    await admin.execute("SELECT pg_advisory_lock(42)")
    await admin.execute(END_SESSION.format("(SELECT attempts FROM schemad.schema_requests WHERE id = 2) < 1"))
    await on_creation(admin, "fatal", f"PERFORM public.end_session(); {AND_SLOW_WAITS}")
    with logged() as lines:
        async with running_daemon(database.dsn("daemon_login"), lock_timeout=30.0, statement_timeout=600):
            slow = await submit(app, "slow", fields("a"))
            await until(admin, WAITS)
            fatal = await submit(app, "fatal", fields("a"))
            await lines.next("worker.lost")
            await admin.execute("SELECT pg_advisory_unlock(42)")
            requests = {i: await decided(app, i) for i in (slow, fatal)}
    assert {request["status"] for request in requests.values()} == {"approved"}
    assert (requests[slow]["attempts"], requests[fatal]["attempts"]) == (1, 2)


async def test_a_batch_that_was_done_as_another_one_s_link_failed_is_told(
    database: Database, admin: Connection, app: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drain, "GRACE", PATIENCE)  # for as long as a machine may stand still
    await admin.execute("SELECT pg_advisory_lock(42)")
    await admin.execute(END_SESSION.format("(SELECT attempts FROM schemad.schema_requests WHERE id = 2) < 1"))
    await on_creation(admin, "fatal", f"PERFORM public.end_session(); {AND_SLOW_WAITS}")
    with logged() as lines:
        async with running_daemon(database.dsn("daemon_login"), lock_timeout=30.0, statement_timeout=600):
            appliers = [r["pid"] for r in await admin.fetch(f"SELECT pid {SESSIONS}", ["schemad applier"])]
            slow = await submit(app, "slow", fields("a"))
            await until(admin, WAITS)
            fatal = await submit(app, "fatal", fields("a"))
            # The slow one is let go as the fatal one's session has ended: both come to their end together.
            await until(
                admin,
                "EXISTS (SELECT unnest($1::integer[]) EXCEPT SELECT pid FROM pg_stat_activity)",
                appliers,
            )
            await admin.execute("SELECT pg_advisory_unlock(42)")
            assert {(await decided(app, i))["status"] for i in (slow, fatal)} == {"approved"}
    assert sorted(line["request_id"] for line in lines.of("request.applied")) == [slow, fatal]


async def test_what_was_committed_before_the_link_was_lost_in_the_middle_of_a_batch_is_told_and_counted(
    database: Database, admin: Connection, app: Connection
) -> None:
    with logged() as lines:
        async with running_daemon(database.dsn("daemon_login")) as daemon:
            assert (await ask(app, "fatal", fields("a")))["status"] == "approved"
            await admin.execute(
                END_SESSION.format("(SELECT attempts FROM schemad.schema_requests WHERE id = 2) < 1")
            )
            await on_creation(admin, "fatal", "PERFORM public.end_session()")
            # In one batch: that for a table which is there goes alone, after the other one was committed.
            async with app.transaction():
                fatal = await submit(app, "fatal", fields("a", "b"))
                other = await submit(app, "other", fields("a"))
            assert {(await decided(app, i))["status"] for i in (fatal, other)} == {"approved"}
    assert "worker.lost" in lines.events()
    assert sorted(line["request_id"] for line in lines.of("request.applied")) == [1, fatal, other]
    assert daemon.worker.decided == daemon.telemetry.decided["applied"] == 3


async def test_a_link_that_is_gone_as_soon_as_it_is_there_is_told_by_its_first_statement(
    database: Database,
) -> None:
    connection = await connect(database.dsn(), job="test")
    connection.terminate()
    await asyncio.sleep(0)  # the loop closes it at its next turn
    _keep_alive(connection)  # what is done to each link as soon as it is there
    with pytest.raises(LINK_ERRORS):
        await connection.execute("SELECT 1")


async def test_a_server_that_can_open_no_session_for_now_is_waited_for(
    database: Database, admin: Connection, app: Connection
) -> None:
    async with running_proxy(database.dsn("daemon_login")) as proxy:
        with logged() as lines:
            async with running_daemon(proxy.dsn) as daemon:
                # As PostgreSQL says where its disk is full.
                proxy.refuse_once(b"schemad listener", "XX000", "could not write init file")
                await admin.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND application_name = 'schemad listener'"
                )
                async with asyncio.timeout(PATIENCE):
                    while "listener.lost" not in lines.events():  # noqa: ASYNC110 - nobody is told of it
                        await asyncio.sleep(0.01)
                    await daemon.listener.listening.wait()
                assert (await ask(app, "notes", fields("a")))["status"] == "approved"
    told = lines.events()
    assert told.count("listener.lost") >= 2
    assert "daemon.part_failed" not in told
