"""Listing: the filters and defaults of the specification, newest first."""

import pytest

from schemad.store import Connection
from tests.database.asking import Refusal, held, refusal, submit
from tests.support.databases import Database, fields
from tests.support.reads import COUNT, rows_read
from tests.support.requests import until

# One role asked for little, and a long time ago; everybody's latest wait.
HISTORY = """
SET session_replication_role = replica;
INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload, status, verdict, created_at,
  processed_at, requested_by)
SELECT CASE WHEN n <= 60 THEN 'own' ELSE 'user' END || n % 10, 'old_' || n, '{}',
  CASE WHEN n % 500 = 0 THEN 'pending' ELSE 'approved' END, 'review',
  now() - interval '1 day' + n * interval '1 s', CASE WHEN n % 500 > 0 THEN now() END,
  CASE WHEN n <= 60 THEN 'app_one' ELSE 'app_two' END
FROM generate_series(1, 20000) AS n;
UPDATE schemad.schema_requests SET status = 'pending', processed_at = NULL
WHERE requested_by = 'app_one' AND id % 3 = 0;
RESET session_replication_role
"""
MESSAGES = """
INSERT INTO schemad.notifications (user_id, role_name, payload)
SELECT 'user' || n % 10, CASE WHEN n % 1000 = 0 THEN 'app_one' ELSE 'other_' || n % 30 END, '{}'
FROM generate_series(1, 20000) AS n
"""
ENDED = "NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND usename = $1)"


async def _ids(connection: Connection, arguments: str = "") -> list[int]:
    return [row["id"] for row in await connection.fetch(f"SELECT id FROM schemad.list_requests({arguments})")]


async def test_fifty_by_default_newest_first(app: Connection) -> None:
    ids = [await submit(app, f"notes_{n}", fields("a")) for n in range(60)]
    newest_first = ids[::-1]
    assert await _ids(app) == newest_first[:50]
    assert await _ids(app, "row_offset => 50") == newest_first[50:]
    assert await _ids(app, "row_limit => 3, row_offset => 5") == newest_first[5:8]
    assert await _ids(app, "NULL, NULL, 1, 59") == newest_first[59:]
    assert await _ids(app, "row_offset => 60") == []


async def test_by_status(admin: Connection, app: Connection) -> None:
    ids = {}
    for status in ("pending", "approved", "rejected", "cancelled"):
        ids[status] = await held(admin, app, f"is_{status}")
        await admin.execute(
            "UPDATE schemad.schema_requests SET status = $2::text, "
            "processed_at = CASE WHEN $2 <> 'pending' THEN now() END WHERE id = $1",
            ids[status],
            status,
        )
    for status, request_id in ids.items():
        assert await _ids(app, f"'{status}'") == [request_id]
        assert await _ids(app, f"status => '{status}'") == [request_id]
    assert len(await _ids(app, "status => NULL")) == 4


async def test_by_requester(app: Connection) -> None:
    first = await submit(app, "one", fields("a"), user="user123")
    second = await submit(app, "two", fields("a"), user="user456")
    assert await _ids(app, "requester_user_id => 'user123'") == [first]
    assert await _ids(app, "'pending', 'user456'") == [second]
    assert await _ids(app, "requester_user_id => 'nobody'") == []


async def test_an_unknown_status_is_an_error_that_names_the_known_ones(app: Connection) -> None:
    assert await refusal(app.execute("SELECT schemad.list_requests('Pending')")) == Refusal(
        "22023",
        "unknown status 'Pending'",
        None,
        "A status is pending, approved, rejected or cancelled; NULL is all of them.",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        "",
        "row_limit => 20, row_offset => 10",
        "status => 'approved', row_limit => 30",
        "status => 'pending'",
        "requester_user_id => 'own7', row_limit => 30",
    ],
)
async def test_a_role_s_list_reads_its_own_requests_and_not_past_everybody_s(
    database: Database, admin: Connection, arguments: str
) -> None:
    await admin.execute(HISTORY)
    await admin.execute("VACUUM ANALYZE schemad.schema_requests")
    for reader, most in (("app_one", 100), ("dba_one", 500)):
        before = await rows_read(admin, ["schema_requests"])
        async with database.connection(reader) as connection:
            found = await _ids(connection, arguments)
            await connection.execute(COUNT)
        assert found == sorted(found, reverse=True)
        assert len(found) == 6 if "own7" in arguments else len(found) >= 20
        await until(admin, ENDED, reader)
        read = {n: rows - before[n] for n, rows in (await rows_read(admin, ["schema_requests"])).items()}
        assert sum(read.values()) <= most, read


@pytest.mark.parametrize("statistics", ["none", "current"])
async def test_who_works_off_its_messages_reads_those_of_its_role_and_nobody_else_s(
    database: Database, admin: Connection, statistics: str
) -> None:
    await admin.execute("ALTER TABLE schemad.notifications SET (autovacuum_enabled = false)")
    await admin.execute(MESSAGES)
    if statistics == "current":
        await admin.execute("VACUUM ANALYZE schemad.notifications")
    before = await rows_read(admin, ["notifications"])
    async with database.connection("app_one") as app:
        delivered = "UPDATE schemad.notifications SET delivered = true WHERE NOT delivered"
        assert await app.execute(delivered) == "UPDATE 20"
        await app.execute(COUNT)
    await until(admin, ENDED, "app_one")
    read = {n: rows - before[n] for n, rows in (await rows_read(admin, ["notifications"])).items()}
    assert sum(read.values()) <= 100, read


@pytest.mark.parametrize(
    "arguments", ["row_limit => 0", "row_limit => 1001", "row_limit => -1", "row_offset => -1"]
)
async def test_limits_out_of_range_are_an_error(app: Connection, arguments: str) -> None:
    refused = await refusal(app.execute(f"SELECT schemad.list_requests({arguments})"))
    assert refused.sqlstate == "22023"
    assert refused.hint == "row_limit is 1 to 1000, row_offset 0 or more."


async def test_what_waits_is_a_view_with_reasons_and_plan(admin: Connection, app: Connection) -> None:
    queued = await submit(app, "queued", fields("a"))
    waiting = await held(admin, app)
    decided = await held(admin, app, "decided")
    await admin.execute(
        "UPDATE schemad.schema_requests SET status = 'rejected', processed_at = now() WHERE id = $1", decided
    )
    rows = await app.fetch("SELECT id, schema_name, state, why, plan_sql FROM schemad.pending_requests")
    assert [tuple(row) for row in rows] == [
        (queued, "queued", "queued", "not yet assessed", None),
        (waiting, "held", "review", "waits for review: is odd [expression.function_not_allowed]", "SELECT 1"),
    ]
