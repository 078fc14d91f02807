"""Daemon processes that are killed, stopped or many at once: what was asked for is done once, wholly."""

import asyncio
import json
import signal

import pytest

from schemad.settings import Settings
from schemad.store import Connection
from tests.support.daemons import DaemonProcess, daemon_process
from tests.support.databases import Database, fields
from tests.support.requests import (
    assert_all_or_nothing,
    decided,
    decisions,
    on_creation,
    submit,
    submit_many,
    until,
)
from tests.support.servers import server_names

BACKLOG = 1000
# Seconds that all of it may take.
LONG = 60.0
# These take seconds, and what they show is the daemon's doing, not the server's.
on_one_server = pytest.mark.parametrize("server", server_names()[-1:], indirect=True)


def applied_by(process: DaemonProcess) -> list[int]:
    """The ids of the requests that the process says it applied."""
    events = [json.loads(line) for line in process.lines]
    return [event["request_id"] for event in events if event["event"] == "request.applied"]


@on_one_server
async def test_daemons_killed_in_the_middle_of_a_backlog_leave_nothing_half_done(
    database: Database, admin: Connection, app: Connection
) -> None:
    await submit_many(app, BACKLOG)
    before = 0
    for _ in range(3):
        process = await DaemonProcess.start(database.dsn("daemon_login"))
        await process.event("request.applied")
        await process.kill()
        done = await assert_all_or_nothing(admin)
        assert before < done < BACKLOG
        before = done
    async with daemon_process(database.dsn("daemon_login")) as process:
        # One that is ready may have the rest of a backlog before it: a drain ends for its length.
        reading = asyncio.create_task(process.event("daemon.stopped", LONG))
        none_waits = "NOT EXISTS (SELECT FROM schemad.schema_requests WHERE status = 'pending')"
        await until(admin, none_waits, patience=LONG)
        process.signal(signal.SIGTERM)
        await reading
        assert await process.end() == 0
    assert await assert_all_or_nothing(admin) == BACKLOG


@on_one_server
async def test_two_daemons_apply_each_of_a_thousand_requests_once(
    database: Database, admin: Connection, app: Connection
) -> None:
    dsn = database.dsn("daemon_login")
    async with daemon_process(dsn) as one, daemon_process(dsn) as other, decisions(admin) as told:
        # Their lines are read all the while: a daemon whose log nobody takes would stand still.
        reading = [asyncio.create_task(process.event("daemon.stopped", LONG)) for process in (one, other)]
        await submit_many(app, BACKLOG)
        await told.count(BACKLOG, LONG)
        for process in (one, other):
            process.signal(signal.SIGTERM)
        await asyncio.gather(*reading)
        assert [await one.end(), await other.end()] == [0, 0]
    assert await assert_all_or_nothing(admin) == BACKLOG
    assert sorted(applied_by(one) + applied_by(other)) == list(range(1, BACKLOG + 1))


@on_one_server
async def test_sigterm_finishes_the_batch_in_hand_and_leaves_the_rest(
    admin: Connection, app: Connection, database: Database
) -> None:
    await submit_many(app, BACKLOG)
    process = await DaemonProcess.start(database.dsn("daemon_login"), SCHEMAD_DRAIN_DEADLINE="20")
    await process.event("request.applied")
    process.signal(signal.SIGTERM)
    assert await process.end() == 0
    assert "daemon.deadline_passed" not in "".join(process.lines)
    applied = await assert_all_or_nothing(admin)
    assert 0 < applied < BACKLOG
    assert applied % Settings().batch_size == 0
    assert len(applied_by(process)) == applied
    waiting = await admin.fetchval(
        "SELECT count(*) FROM schemad.schema_requests "
        "WHERE status = 'pending' AND verdict IS NULL AND attempts = 0"
    )
    assert waiting == BACKLOG - applied


async def test_a_daemon_that_is_stopped_while_an_applier_is_idle_ends_with_the_batch_in_hand(
    database: Database, admin: Connection, app: Connection
) -> None:
    await admin.execute("SELECT pg_advisory_lock(42)")
    await on_creation(admin, "slow", "PERFORM pg_advisory_xact_lock(42)")
    environment = {
        "SCHEMAD_DRAIN_DEADLINE": "600",
        "SCHEMAD_LOCK_TIMEOUT": "60",
        "SCHEMAD_STATEMENT_TIMEOUT": "600",
    }
    async with daemon_process(database.dsn("daemon_login"), **environment) as process:
        await submit(app, "slow", fields("a"))
        await until(
            admin, "EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted)"
        )
        process.signal(signal.SIGTERM)
        await process.event("daemon.stopping")
        await admin.execute("SELECT pg_advisory_unlock(42)")
        assert await process.end() == 0
    assert await assert_all_or_nothing(admin) == 1


async def test_a_batch_that_outlives_the_drain_deadline_is_cut_off_with_nothing_half_done(
    database: Database, admin: Connection, app: Connection
) -> None:
    await admin.execute("SELECT pg_advisory_lock(42)")
    await on_creation(admin, "slow", "PERFORM pg_advisory_xact_lock(42)")
    environment = {
        "SCHEMAD_DRAIN_DEADLINE": "0.2",
        "SCHEMAD_LOCK_TIMEOUT": "60",
        "SCHEMAD_STATEMENT_TIMEOUT": "600",
    }
    async with daemon_process(database.dsn("daemon_login"), **environment) as process:
        async with app.transaction():  # one batch
            ids = [await submit(app, name, fields("a")) for name in ("slow", "next")]
        await until(
            admin, "EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 42 AND NOT granted)"
        )
        process.signal(signal.SIGTERM)
        assert await process.end() == 0
        assert "daemon.deadline_passed" in "".join(process.lines)
    await until(
        admin,
        "NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name IN ('schemad worker', 'schemad applier') "
        "AND datname = current_database())",
    )
    assert await assert_all_or_nothing(admin) == 0
    await admin.execute("SELECT pg_advisory_unlock(42)")
    async with daemon_process(database.dsn("daemon_login")):
        assert [(await decided(app, i))["status"] for i in ids] == ["approved", "approved"]
    assert await assert_all_or_nothing(admin) == 2
