"""Daemons that find requests by polling, where notifications are switched off, and where they should have come."""

import asyncpg
import pytest
from structlog.testing import capture_logs

from schemad.observe.health import ListenerState
from schemad.store import Connection
from tests.support.daemons import NEVER, running_daemon
from tests.support.databases import Database, fields
from tests.support.requests import ask, decided, submit

AT_ONCE = 0.02
SESSIONS = (
    "SELECT application_name FROM pg_stat_activity WHERE datname = current_database() "
    "AND application_name IN ('schemad worker', 'schemad listener')"
)


async def test_a_daemon_that_does_not_listen_has_one_connection_polls_and_says_so(
    database: Database, admin: Connection, app: Connection
) -> None:
    with capture_logs() as lines:
        async with running_daemon(database.dsn("daemon_login"), listen=False, poll_interval=AT_ONCE):
            assert [row[0] for row in await admin.fetch(SESSIONS)] == ["schemad worker"]
            assert (await ask(app, "polled", fields("a")))["status"] == "approved"
    events = [line["event"] for line in lines]
    assert {"listener.off", "daemon.ready", "request.applied"} <= set(events)
    assert not {"listener.connected", "queue.found_by_poll"} & set(events)
    assert next(line for line in lines if line["event"] == "listener.off")["poll_interval"] == AT_ONCE


async def test_a_daemon_that_does_not_listen_stops_when_asked_though_it_would_poll_much_later(
    database: Database, app: Connection
) -> None:
    await submit(app, "first", fields("a"))
    async with running_daemon(database.dsn("daemon_login"), listen=False, poll_interval=NEVER) as daemon:
        assert daemon.worker.sweeps == 1
    assert (await decided(app, 1))["status"] == "approved"


async def test_a_listen_dsn_is_not_looked_at_by_a_daemon_that_does_not_listen(database: Database) -> None:
    nowhere = "postgresql://nobody@127.0.0.1:1/nowhere"
    async with running_daemon(database.dsn("daemon_login"), listen=False, listen_dsn=nowhere) as daemon:
        assert daemon.listener.state is ListenerState.OFF


async def test_with_the_policy_s_notify_off_a_submit_can_be_prepared_and_is_found_by_polling(
    database: Database, admin: Connection, app: Connection
) -> None:
    if await admin.fetchval("SHOW max_prepared_transactions") == "0":
        pytest.skip("this server prepares no transactions")
    prepare = f"PREPARE TRANSACTION '{database.name}'"
    await app.execute("BEGIN")
    await submit(app, "refused", fields("a"))
    # The words are PostgreSQL's.
    with pytest.raises(asyncpg.FeatureNotSupportedError, match="NOTIFY"):
        await app.execute(prepare)

    await admin.execute("SELECT schemad.set_policy('notify', 'off')")
    with capture_logs() as lines:
        async with running_daemon(database.dsn("daemon_login"), poll_interval=AT_ONCE):
            await app.execute("BEGIN")
            request_id = await submit(app, "two_phase", fields("a"))
            await app.execute(prepare)
            await app.execute(f"COMMIT PREPARED '{database.name}'")
            assert (await decided(app, request_id))["status"] == "approved"
        # A session that has ever listened can't, as it may have something to give up.
        await app.execute("LISTEN of_its_own")
        await app.execute("BEGIN")
        await submit(app, "listening", fields("a"))
        with pytest.raises(asyncpg.FeatureNotSupportedError, match="UNLISTEN"):
            await app.execute(prepare)
    assert "queue.found_by_poll" not in [line["event"] for line in lines]


async def test_a_request_whose_notification_did_not_come_is_found_by_polling_with_a_warning(
    database: Database, admin: Connection, app: Connection
) -> None:
    await admin.execute("ALTER TABLE schemad.schema_requests DISABLE TRIGGER wake_daemons")
    with capture_logs() as lines:
        async with running_daemon(database.dsn("daemon_login"), poll_interval=AT_ONCE):
            # The first may be found as the listener starts, and the last is settled before it is told.
            for name in ("first", "second", "third"):
                assert (await ask(app, name, fields("a")))["status"] == "approved"
    warned = [line for line in lines if line["event"] == "queue.found_by_poll"]
    assert ("warning", 1) in [(line["log_level"], line["requests"]) for line in warned]
