"""When the daemon looks at the queue: a notification is enough, and too many or too few of them lose nothing."""

import asyncio
import json

import pytest

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.database.asking import listening
from tests.support.daemons import most_sweeps, running_daemon
from tests.support.databases import Database, fields
from tests.support.requests import (
    INSERT,
    ask,
    assert_all_or_nothing,
    columns_of,
    decided,
    decisions,
    rules,
    submit,
    submit_many,
)


async def test_a_row_inserted_while_no_daemon_runs_is_created_when_one_starts(
    database: Database, admin: Connection, app: Connection
) -> None:
    request_id = await submit(app, "early", fields("a"))
    async with running_daemon(database.dsn("daemon_login")):
        assert (await decided(app, request_id))["status"] == "approved"
    assert await columns_of(admin, "public.early") == ["id", "a"]


async def test_every_way_back_into_the_queue_wakes_the_daemon_without_a_poll(
    app: Connection, dba: Connection, daemon: Daemon
) -> None:
    held = await ask(app, "checked", fields("a") | {"checks": ["repeat(a, 2) <> ''"]})
    assert held["verdict"] == "review"
    await app.fetchval("SELECT schemad.retry_request($1)", held["id"])
    assert (await decided(app, held["id"]))["verdict"] == "review"
    await dba.fetchval("SELECT schemad.approve_request($1, 'fine')", held["id"])
    assert (await decided(app, held["id"]))["status"] == "approved"


async def test_with_notifications_off_decisions_are_told_by_their_rows_alone(
    database: Database, admin: Connection, app: Connection
) -> None:
    await admin.execute("SELECT schemad.set_policy('notify', 'false')")
    async with listening(database, "schemad_decisions") as so_far:
        first, withdrawn = await submit(app, "first", fields("a")), await submit(app, "withdrawn", fields("a"))
        await app.execute("SELECT schemad.cancel_request($1)", withdrawn)
        async with running_daemon(database.dsn("daemon_login")):
            assert (await decided(app, first))["status"] == "approved"
        assert await so_far() == []
    rows = await app.fetch("SELECT payload ->> 'status' AS status FROM schemad.notifications")
    assert {row["status"] for row in rows} == {"approved", "cancelled"}


async def test_one_wakeup_is_enough_for_a_backlog_of_many_batches(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    async with decisions(admin) as told:
        await submit_many(app, 120)
        await told.count(120)
    assert await assert_all_or_nothing(admin) == 120


async def test_a_request_that_is_rolled_back_leaves_nothing(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    transaction = app.transaction()
    await transaction.start()
    await submit(app, "never", fields("a"))
    await transaction.rollback()
    await ask(app, "after", fields("a"))
    assert [r["schema_name"] for r in await admin.fetch("SELECT schema_name FROM schemad.schema_requests")] == [
        "after"
    ]
    assert await columns_of(admin, "public.never") == []
    assert await assert_all_or_nothing(admin) == 1


async def test_a_request_whose_transaction_commits_late_is_applied_though_later_ones_were_before_it(
    database: Database, app: Connection, daemon: Daemon
) -> None:
    async with database.connection("app_two") as slow:
        transaction = slow.transaction()
        await transaction.start()
        late = await submit(slow, "late", fields("a"))
        early = await ask(app, "early", fields("a"))
        assert early["id"] > late
        await transaction.commit()
        assert (await decided(slow, late))["status"] == "approved"
    assert early["status"] == "approved"


async def test_forged_notifications_do_no_harm(
    database: Database, admin: Connection, app: Connection, daemon: Daemon
) -> None:
    held = await ask(app, "held", fields("a") | {"checks": ["repeat(a, 2) <> ''"]})
    async with database.connection("stranger") as stranger:
        for _ in range(5):
            # Distinct payloads, so that the server does not fold them into one.
            await stranger.execute(
                "SELECT pg_notify('schemad_requests', json_build_object('id', n, 'status', 'approved')::text) "
                "FROM generate_series(1, 2000) AS n"
            )
        assert (await ask(app, "honest", fields("a")))["status"] == "approved"
    assert (await decided(app, held["id"]))["verdict"] == "review"
    assert await columns_of(admin, "public.held") == []
    assert await admin.fetchval("SELECT count(*) FROM schemad.schema_changes_audit") == 1


async def test_a_flood_of_notifications_costs_few_sweeps_and_hardly_delays_a_request(
    database: Database, app: Connection, daemon: Daemon
) -> None:
    loop = asyncio.get_running_loop()
    async with database.connection("stranger") as stranger:
        swept, started = daemon.worker.sweeps, loop.time()
        for _ in range(1000):
            await stranger.execute("NOTIFY schemad_requests")
        flood = asyncio.create_task(_flood(stranger))
        try:
            assert (await ask(app, "honest", fields("a")))["status"] == "approved"
        finally:
            flood.cancel()
            await asyncio.gather(flood, return_exceptions=True)
        assert daemon.worker.sweeps - swept <= most_sweeps(loop.time() - started)


async def _flood(connection: Connection) -> None:
    while True:
        await connection.execute("NOTIFY schemad_requests")


async def test_the_decisions_channel_carries_id_and_status_only(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    async with decisions(admin) as told:
        approved = await ask(app, "approved", fields("secret"))
        held = await ask(app, "held", fields("secret") | {"checks": ["repeat(secret, 2) <> ''"]})
        await told.count(2)
    assert [json.loads(payload) for payload in told.payloads] == [
        {"id": approved["id"], "status": "approved"},
        {"id": held["id"], "status": "pending"},
    ]


async def test_two_requests_for_one_table_in_one_statement_create_it_and_then_add_fields(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    ids = await app.fetch(
        INSERT + "SELECT 'user123', 'shared', p FROM unnest($1::jsonb[]) AS p RETURNING id",
        [json.dumps(fields("a")), json.dumps(fields("a", "b"))],
    )
    requests = [await decided(app, row["id"]) for row in ids]
    assert [(r["status"], rules(r)) for r in requests] == [("approved", []), ("approved", [])]
    operations = await admin.fetch("SELECT operation FROM schemad.schema_versions ORDER BY version")
    assert [row["operation"] for row in operations] == ["create_table", "add_fields"]
    assert await columns_of(admin, "public.shared") == ["id", "a", "b"]


@pytest.mark.parametrize("number", [1, 25])
async def test_daemons_that_share_a_database_apply_each_request_once(
    database: Database, admin: Connection, app: Connection, daemon: Daemon, number: int
) -> None:
    async with running_daemon(database.dsn("daemon_login")), decisions(admin) as told:
        await submit_many(app, number)
        await told.count(number)
    assert await assert_all_or_nothing(admin) == number
