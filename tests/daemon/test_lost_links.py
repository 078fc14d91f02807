"""Links that fail, with notice or without: the daemon connects again by itself, and no request is done twice."""

import asyncio

import pytest

from schemad.daemon import Daemon
from schemad.daemon.listener import ListenerState
from schemad.store import Connection
from tests.support.daemons import PATIENCE, running_daemon
from tests.support.databases import Database, fields
from tests.support.proxy import running_proxy
from tests.support.requests import INSERT, ask, assert_all_or_nothing, decided, on_creation, submit, until

VALUE = '(\'user123\', \'{}\', \'{{"fields": [{{"name": "a", "type": "text"}}]}}\')'
# As a superuser, who may.
END_SESSION = (
    "CREATE FUNCTION public.end_session() RETURNS void LANGUAGE sql SECURITY DEFINER AS "
    "'SELECT pg_terminate_backend(pg_backend_pid()) WHERE {}'"
)
SESSIONS = "FROM pg_stat_activity WHERE datname = current_database() AND application_name = ANY ($1)"


@pytest.mark.parametrize("jobs", [["listener"], ["worker"], ["applier"], ["listener", "worker"]], ids="+".join)
async def test_terminated_sessions_are_replaced_without_a_poll(
    admin: Connection, app: Connection, daemon: Daemon, jobs: list[str]
) -> None:
    names = [f"schemad {job}" for job in jobs]
    ended = [r["pid"] for r in await admin.fetch(f"SELECT pid, pg_terminate_backend(pid) {SESSIONS}", names)]
    assert len(ended) >= len(jobs)
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
    limits = {"probe_interval": 0.1, "probe_timeout": 0.2, "connect_timeout": 0.5}
    async with (
        running_proxy(direct) as proxy,
        running_daemon(direct, listen_dsn=proxy.dsn, **limits) as daemon,
    ):
        proxy.silence()
        unheard = await submit(app, "unheard", fields("a"))
        await proxy.next_link()
        assert daemon.listener.state is ListenerState.CONNECTING
        proxy.heal()
        assert (await decided(app, unheard))["status"] == "approved"
        assert (await ask(app, "heard", fields("a")))["status"] == "approved"


async def test_a_worker_whose_link_falls_silent_gives_it_up_and_works_on(
    database: Database, admin: Connection, app: Connection
) -> None:
    direct = database.dsn("daemon_login")
    limits = {"statement_timeout": 0.3, "probe_timeout": 0.2, "connect_timeout": 0.5}
    async with running_proxy(direct) as proxy, running_daemon(proxy.dsn, listen_dsn=direct, **limits):
        assert (await ask(app, "before", fields("a")))["status"] == "approved"
        proxy.silence()
        unseen = await submit(app, "unseen", fields("a"))
        await proxy.next_link()
        proxy.heal()
        assert (await decided(app, unseen))["status"] == "approved"
    assert await assert_all_or_nothing(admin) == 2


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
