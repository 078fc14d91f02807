"""Waiting: wait_for_request() returns with the verdict, and says at once when waiting is of no use."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.database.asking import Refusal, held, hold, refusal, submit
from tests.support.daemons import PATIENCE
from tests.support.databases import Database, fields
from tests.support.requests import until


@pytest.fixture
async def other(database: Database) -> AsyncIterator[Connection]:
    """A second connection of the same application."""
    async with database.connection("app_one") as connection:
        yield connection


async def test_it_returns_the_request_as_the_daemon_decided_it(app: Connection, daemon: Daemon) -> None:
    request_id = await submit(app, "notes", fields("a"))
    row = await app.fetchrow(
        "SELECT * FROM schemad.wait_for_request(request_id => $1, timeout => '20 s')", request_id
    )
    assert row is not None
    assert (row["id"], row["status"], row["verdict"]) == (request_id, "approved", "auto")


async def test_create_table_waits_whatever_isolation_transactions_have_by_default(
    app: Connection, daemon: Daemon
) -> None:
    for isolation in ("repeatable read", "serializable"):
        await app.execute(f"SET default_transaction_isolation = '{isolation}'")
        name = isolation.replace(" ", "_")
        call = 'CALL schemad.create_table(\'me\', $1, \'{"fields": [{"name": "a", "type": "text"}]}\')'
        row = await app.fetchrow(call, name)
        assert row is not None
        assert row["status"] == "approved"


@pytest.mark.slow
async def test_a_wait_without_a_limit_has_the_usual_one(app: Connection) -> None:
    request_id = await submit(app, "notes", fields("a"))
    warnings: list[Any] = []
    app.add_log_listener(lambda _, message: warnings.append(message))
    async with asyncio.timeout(PATIENCE):
        await app.execute("SELECT schemad.wait_for_request($1, NULL)", request_id)
    assert [w.message for w in warnings] == [f"request {request_id} has not been assessed within 00:00:10"]


@pytest.mark.parametrize("status", ["approved", "rejected", "cancelled"])
async def test_it_returns_at_once_what_is_decided(admin: Connection, app: Connection, status: str) -> None:
    request_id = await submit(app, "notes", fields("a"))
    await admin.execute(
        "UPDATE schemad.schema_requests SET status = $2, processed_at = now() WHERE id = $1", request_id, status
    )
    # With no time at all, and no warning about it.
    warnings: list[Any] = []
    app.add_log_listener(lambda _, message: warnings.append(message))
    row = await app.fetchrow("SELECT * FROM schemad.wait_for_request($1, '0 s')", request_id)
    assert row is not None
    assert (row["status"], warnings) == (status, [])


async def test_it_returns_while_it_waits_when_a_verdict_comes(
    admin: Connection, app: Connection, other: Connection
) -> None:
    request_id = await submit(app, "notes", fields("a"))
    waiting = asyncio.create_task(
        other.fetchval("SELECT verdict FROM schemad.wait_for_request($1, '20 s')", request_id)
    )
    asleep = "EXISTS (SELECT FROM pg_stat_activity WHERE pid = $1 AND wait_event = 'PgSleep')"
    await until(admin, asleep, other.get_server_pid())
    await hold(admin, request_id)
    assert await waiting == "review"


async def test_it_returns_what_is_held_at_once(admin: Connection, app: Connection) -> None:
    request_id = await held(admin, app)
    assert await app.fetchval("SELECT verdict FROM schemad.wait_for_request($1, '0 s')", request_id) == "review"


async def test_when_the_time_is_up_it_warns_and_returns_the_request_as_it_is(app: Connection) -> None:
    request_id = await submit(app, "notes", fields("a"))
    warnings: list[Any] = []
    app.add_log_listener(lambda _, message: warnings.append(message))
    row = await app.fetchrow("SELECT * FROM schemad.wait_for_request($1, timeout => '20 ms')", request_id)
    assert row is not None
    assert (row["id"], row["status"], row["verdict"]) == (request_id, "pending", None)
    [warning] = warnings
    assert (warning.severity, warning.message) == (
        "WARNING",
        f"request {request_id} has not been assessed within 00:00:00.02",
    )
    assert "schemad doctor" in warning.hint


SUBMITTED_HERE = Refusal(
    "55000",
    "request {} was submitted in this transaction, so nobody can see it yet",
    None,
    "Commit first, then wait. CALL schemad.create_table(…) does both.",
)


async def test_in_the_submitting_transaction_it_says_that_nobody_can_decide(app: Connection) -> None:
    transaction = app.transaction()
    await transaction.start()
    request_id = await submit(app, "notes", fields("a"))
    refused = await refusal(app.execute("SELECT schemad.wait_for_request($1)", request_id))
    await transaction.rollback()
    assert refused.message == SUBMITTED_HERE.message.format(request_id)
    assert (refused.sqlstate, refused.hint) == (SUBMITTED_HERE.sqlstate, SUBMITTED_HERE.hint)


async def test_it_says_so_of_what_was_submitted_under_a_savepoint(app: Connection) -> None:
    transaction = app.transaction()
    await transaction.start()
    async with app.transaction():  # a savepoint, as an ORM makes
        request_id = await submit(app, "notes", fields("a"))
        within = await refusal(_wait_under_savepoint(app, request_id))
    after = await refusal(app.execute("SELECT schemad.wait_for_request($1, '2 s')", request_id))
    await transaction.rollback()
    assert within.message == after.message == SUBMITTED_HERE.message.format(request_id)


async def _wait_under_savepoint(connection: Connection, request_id: int) -> None:
    async with connection.transaction():
        await connection.execute("SELECT schemad.wait_for_request($1, '2 s')", request_id)


async def test_a_request_of_a_later_transaction_of_somebody_else_is_waited_for(
    admin: Connection, app: Connection, other: Connection
) -> None:
    async with app.transaction():
        await submit(app, "notes", fields("a"))  # so that this transaction has an id, and an older one
        request_id = await submit(other, "other", fields("a"))
        row = await app.fetchrow("SELECT * FROM schemad.wait_for_request($1, '1 ms')", request_id)
        assert row is not None
        assert (row["id"], row["verdict"]) == (request_id, None)


@pytest.mark.parametrize("isolation", ["repeatable read", "serializable"])
async def test_a_transaction_that_could_not_see_the_decision_is_told_so(app: Connection, isolation: str) -> None:
    request_id = await submit(app, "notes", fields("a"))
    transaction = app.transaction(isolation="serializable" if isolation == "serializable" else "repeatable_read")
    await transaction.start()
    refused = await refusal(app.execute("SELECT schemad.wait_for_request($1)", request_id))
    await transaction.rollback()
    assert refused == Refusal(
        "0A000",
        f"a {isolation} transaction can't see a decision made meanwhile",
        None,
        "Call wait_for_request() outside of it, or in a read committed transaction.",
    )


async def test_a_request_that_is_not_there_or_not_ones_own_is_an_error(
    database: Database, app: Connection
) -> None:
    request_id = await submit(app, "notes", fields("a"))
    async with database.connection("app_two") as stranger:
        for unseen in (request_id, 4711):
            assert await refusal(stranger.execute("SELECT schemad.wait_for_request($1)", unseen)) == Refusal(
                "P0002",
                f"there is no request {unseen}",
                None,
                "Or it is another role's: schemad.list_requests() shows those that you may see.",
            )


# As many as a table may get between two looks of autovacuum's, in a session whose plans are from before.
HISTORY = (
    "INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload, requested_by, "
    "requested_login, status, processed_at, verdict) "
    "SELECT 'user123', 't' || n, '{}', 'app_one', 'app_one', 'approved', now(), 'auto' "
    "FROM generate_series(1, 20000) AS n"
)


@pytest.mark.parametrize("analysed", ["never", "before", "after"])
@pytest.mark.parametrize(
    "call",
    [
        "wait_for_request($1, '30 ms')",
        "cancel_request($1)",
        "retry_request($1)",
        "list_requests(status => 'pending', row_limit => $1)",
        "list_requests(requester_user_id => 'nobody', row_limit => $1)",
    ],
)
async def test_it_reads_the_request_and_not_the_history_of_its_role(
    admin: Connection, app: Connection, call: str, analysed: str
) -> None:
    await admin.execute("ALTER TABLE schemad.schema_requests SET (autovacuum_enabled = false)")
    request_id = await submit(app, "notes", fields("a"))
    if analysed == "before":
        await admin.execute("VACUUM ANALYZE schemad.schema_requests")
    sql = f"SELECT * FROM schemad.{call}"
    for _ in range(8):  # its plans are kept from now on, and were made for a table with a row
        transaction = app.transaction()
        await transaction.start()
        await app.fetch(sql, request_id)
        await transaction.rollback()
    await admin.execute(f"SET session_replication_role = replica; {HISTORY}; RESET session_replication_role")
    if analysed == "after":
        await admin.execute("ANALYZE schemad.schema_requests")

    async with app.transaction():
        await app.fetch(sql, request_id)
        read = await app.fetchval(
            "SELECT seq_tup_read + idx_tup_fetch FROM pg_stat_xact_user_tables "
            "WHERE relid = 'schemad.schema_requests'::regclass"
        )
    assert read < 100
