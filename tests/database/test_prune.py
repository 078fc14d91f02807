"""What is old is pruned as the policy says, a bounded number of rows at a time, and what must stay stays."""

import json
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from schemad.store import Connection
from schemad.store.pruning import prune, take_turn
from tests.database.asking import refusal, submit
from tests.support.databases import Database, fields

EVERYTHING = 1000
NOTHING = {"auto_create_log": 0, "notifications": 0, "schema_requests": 0}
PRUNED = ["auto_create_log", "notifications", "schema_requests"]


async def keep(admin: Connection, **ages: str | None) -> None:
    """Has the policy keep rows for so long, and those of which nothing is said for ever."""
    for name in ("keep_logs", "keep_delivered", "keep_undelivered", "keep_requests"):
        await admin.execute("SELECT schemad.set_policy($1, $2)", name, ages.get(name))


async def logged(admin: Connection, *days: float) -> None:
    """Rows of the log, of these ages."""
    await admin.execute(
        "INSERT INTO schemad.auto_create_log (action, created_at) "
        "SELECT 'created', now() - d FROM unnest($1::interval[]) AS d",
        [timedelta(days=d) for d in days],
    )


async def told(admin: Connection, *days: float, delivered: bool) -> None:
    """Notifications, of these ages."""
    await admin.execute(
        "INSERT INTO schemad.notifications (user_id, role_name, payload, delivered, created_at) "
        "SELECT 'user123', 'app_one', '{}', $2, now() - d FROM unnest($1::interval[]) AS d",
        [timedelta(days=d) for d in days],
        delivered,
    )


async def processed(admin: Connection, app: Connection, status: str, days: float, key: str | None = None) -> int:
    """A request that got its status so long ago, with a version and an audit row that name it."""
    request_id = await submit(app, f"t_{status}_{round(days * 24)}", fields("a"), key=key)
    await admin.execute(
        "UPDATE schemad.schema_requests SET status = $2, processed_at = now() - $3::interval WHERE id = $1",
        request_id,
        status,
        timedelta(days=days),
    )
    return request_id


async def ages(connection: Connection, table: str) -> list[int]:
    """The ages of a table's rows, in days."""
    column = "processed_at" if table == "schema_requests" else "created_at"
    rows = await connection.fetch(
        f"SELECT extract(days FROM now() - {column})::integer AS days FROM schemad.{table} ORDER BY 1"
    )
    return [row["days"] for row in rows]


async def test_what_is_older_than_the_policy_keeps_goes_and_the_rest_stays(
    database: Database, admin: Connection, app: Connection
) -> None:
    await keep(
        admin, keep_logs="10 days", keep_delivered="5 days", keep_undelivered="20 days", keep_requests="7 days"
    )
    await logged(admin, 9.9, 10.1, 400)
    await told(admin, 4.9, 5.1, 19.9, 20.1, delivered=True)
    await told(admin, 4.9, 5.1, 19.9, 20.1, delivered=False)
    for status in ("approved", "rejected", "cancelled"):
        await processed(admin, app, status, 6.9)
        await processed(admin, app, status, 7.1)
    async with database.connection("daemon_login") as daemon:
        assert await prune(daemon, EVERYTHING) == {"auto_create_log": 2, "notifications": 4, "schema_requests": 3}
        assert await prune(daemon, EVERYTHING) == NOTHING
    assert await ages(admin, "auto_create_log") == [9]
    assert await ages(admin, "notifications") == [4, 4, 5, 19]
    assert await ages(admin, "schema_requests") == [6, 6, 6]


async def test_at_first_nothing_goes_that_nobody_has_acknowledged_and_no_request(
    admin: Connection, app: Connection
) -> None:
    await logged(admin, 89, 91)
    await told(admin, 29, 31, delivered=True)
    await told(admin, 36500, delivered=False)
    await processed(admin, app, "approved", 36500)
    assert await prune(admin, EVERYTHING) == {"auto_create_log": 1, "notifications": 1, "schema_requests": 0}
    assert await ages(admin, "auto_create_log") == [89]
    assert await ages(admin, "notifications") == [29, 36500]


async def test_null_keeps_for_ever(admin: Connection, app: Connection) -> None:
    await keep(admin)
    await logged(admin, 36500)
    await told(admin, 36500, delivered=True)
    await told(admin, 36500, delivered=False)
    await processed(admin, app, "approved", 36500)
    assert await prune(admin, EVERYTHING) == NOTHING


async def test_the_longest_that_can_be_set_is_no_error(admin: Connection) -> None:
    ever = "1000 years"
    await keep(admin, keep_logs=ever, keep_delivered=ever, keep_undelivered=ever, keep_requests=ever)
    await logged(admin, 36500)
    assert await prune(admin, EVERYTHING) == NOTHING


async def test_a_request_that_waits_stays_however_old(admin: Connection, app: Connection) -> None:
    await keep(admin, keep_requests="1 day")
    await submit(app, "queued", fields("a"))
    held = await submit(app, "held", fields("a"))
    await admin.execute("UPDATE schemad.schema_requests SET verdict = 'review' WHERE id = $1", held)
    await admin.execute(
        "SET session_replication_role = replica; "
        "UPDATE schemad.schema_requests SET created_at = now() - interval '10 years'; "
        "RESET session_replication_role"
    )
    assert await prune(admin, EVERYTHING) == NOTHING
    assert await admin.fetchval("SELECT count(*) FROM schemad.pending_requests") == 2


async def test_what_was_made_of_a_request_outlives_it_and_its_key_does_not(
    admin: Connection, app: Connection
) -> None:
    await keep(admin, keep_requests="30 days")
    gone = await processed(admin, app, "approved", 31, key="order-7")
    await admin.execute(
        "WITH made AS ("
        "INSERT INTO schemad.schema_registry (name, owner_role) VALUES ('t', 'app_one') RETURNING id), "
        "field AS ("
        "INSERT INTO schemad.schema_fields (schema_id, field_name, field_type) SELECT id, 'a', 'text' FROM made), "
        "audit AS (INSERT INTO schemad.schema_changes_audit (schema_id, request_id) SELECT id, $1 FROM made) "
        "INSERT INTO schemad.schema_versions (schema_id, version, request_id, operation, fields) "
        "SELECT id, 1, $1, 'create_table', '[]' FROM made",
        gone,
    )
    assert (await prune(admin, EVERYTHING))["schema_requests"] == 1
    for table in ("schema_registry", "schema_fields", "schema_versions", "schema_changes_audit", "policy_changes"):
        assert await admin.fetchval(f"SELECT count(*) > 0 FROM schemad.{table}"), table
    assert await admin.fetchval("SELECT request_id FROM schemad.schema_versions") == gone
    assert await admin.fetchval("SELECT request_id FROM schemad.schema_changes_audit") == gone
    assert (await refusal(app.execute("SELECT schemad.wait_for_request($1)", gone))).sqlstate == "P0002"
    # The key is free again: the same request is a new one, and so is another one.
    assert await submit(app, "other", fields("b"), key="order-7") > gone


async def test_a_call_removes_so_many_rows_at_most_the_oldest_first(admin: Connection, app: Connection) -> None:
    await keep(admin, keep_logs="1 day", keep_delivered="1 day", keep_undelivered="1 day", keep_requests="1 day")
    await logged(admin, 2, 4, 3)
    await told(admin, 2, 3, delivered=True)
    await told(admin, 2, 3, delivered=False)
    for days in (2, 3):
        await processed(admin, app, "approved", days)
    assert list((await prune(admin, 2)).values()) == [2, 0, 0]
    assert await ages(admin, "auto_create_log") == [2]
    assert list((await prune(admin, 4)).values()) == [1, 3, 0]
    assert await ages(admin, "notifications") == [2]
    assert list((await prune(admin, 2)).values()) == [0, 1, 1]
    assert await ages(admin, "schema_requests") == [2]
    assert list((await prune(admin, 2)).values()) == [0, 0, 1]


@pytest.mark.parametrize("row_limit", [0, -1, None])
async def test_a_limit_that_is_none_is_refused(admin: Connection, row_limit: int | None) -> None:
    refused = await refusal(admin.execute("SELECT schemad.prune($1)", row_limit))
    assert refused.sqlstate == "22023"
    assert refused.message == f"row_limit {'NULL' if row_limit is None else row_limit} is out of range"
    assert refused.hint is not None


async def test_two_at_once_share_the_rows_and_neither_waits(database: Database, admin: Connection) -> None:
    await keep(admin, keep_logs="1 day")
    await logged(admin, *range(2, 12))
    async with database.connection("daemon_login") as one, database.connection("daemon_login") as two:
        transaction = one.transaction()
        await transaction.start()
        assert (await prune(one, 6))["auto_create_log"] == 6
        await two.execute("SET lock_timeout = '1ms'")
        assert (await prune(two, 6))["auto_create_log"] == 4
        await transaction.commit()
    assert await ages(admin, "auto_create_log") == []


@pytest.mark.parametrize("login", ["app_one", "dba_one", "stranger"])
async def test_nobody_but_the_daemon_and_the_owner_prunes(database: Database, login: str) -> None:
    async with database.connection(login) as connection:
        assert (await refusal(prune(connection, 1))).sqlstate == "42501"
        assert (await refusal(take_turn(connection, 1.0))).sqlstate == "42501"


@pytest.mark.parametrize("table", PRUNED)
async def test_the_daemon_prunes_what_is_old_and_deletes_nothing_else(database: Database, table: str) -> None:
    async with database.connection("daemon_login") as connection:
        for change in (f"DELETE FROM schemad.{table}", f"TRUNCATE schemad.{table}"):
            assert (await refusal(connection.execute(change))).sqlstate == "42501"
        assert (await refusal(connection.execute("DELETE FROM schemad.pruning"))).sqlstate == "42501"


async def test_one_daemon_takes_the_turn_and_the_others_are_told_when_the_next_one_is(
    database: Database, admin: Connection
) -> None:
    async with database.connection("daemon_login") as one, database.connection("daemon_login") as two:
        assert await take_turn(one, 3600.0) == 0
        for connection in (one, two):
            assert 3500 < await take_turn(connection, 3600.0) <= 3600
        await admin.execute("UPDATE schemad.pruning SET turn_at = turn_at - interval '61 minutes'")
        transaction = one.transaction()
        await transaction.start()
        assert await take_turn(one, 3600.0) == 0
        await transaction.commit()
        assert await take_turn(two, 3600.0) > 3500


async def test_a_turn_that_a_wrong_clock_took_in_the_future_is_no_reason_to_wait(admin: Connection) -> None:
    await admin.execute("UPDATE schemad.pruning SET turn_at = now() + interval '10 years'")
    assert await take_turn(admin, 3600.0) == 0
    assert await take_turn(admin, 3600.0) > 3500


async def counters(admin: Connection, names: Sequence[str] = PRUNED) -> dict[str, dict[str, Any]]:
    """What was read so far of the tables and their indexes."""
    await admin.execute("SELECT pg_stat_force_next_flush()")
    row = await admin.fetchval(
        "SELECT jsonb_object_agg(relname, jsonb_build_object('seq_scan', seq_scan, 'idx', ("
        "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes AS i WHERE i.relid = t.relid)))::text "
        "FROM pg_stat_user_tables AS t WHERE schemaname = 'schemad' AND relname = ANY ($1)",
        list(names),
    )
    found: dict[str, dict[str, Any]] = json.loads(row)
    return found


async def test_a_call_reads_what_it_removes_and_not_the_history(database: Database, admin: Connection) -> None:
    await keep(
        admin, keep_logs="30 days", keep_delivered="30 days", keep_undelivered="40 days", keep_requests="30 days"
    )
    series = "now() - n * interval '5 minutes' - interval '1 minute' FROM generate_series(1, 9000) AS n; "
    await admin.execute(
        "SET session_replication_role = replica; "
        "INSERT INTO schemad.schema_requests "
        "(requester_user_id, schema_name, request_payload, status, processed_at) "
        f"SELECT 'u', 't', '{{}}', 'approved', {series}"
        f"INSERT INTO schemad.auto_create_log (action, created_at) SELECT 'created', {series}"
        "INSERT INTO schemad.notifications (user_id, role_name, payload, delivered, created_at) "
        f"SELECT 'u', 'app_one', '{{}}', n % 2 = 0, {series}"
        "RESET session_replication_role"
    )
    await admin.execute("VACUUM ANALYZE schemad.schema_requests")
    async with database.connection("daemon_login") as daemon:
        before = await counters(admin)
        removed = await prune(daemon, EVERYTHING)
        assert removed == {"auto_create_log": 361, "notifications": 181, "schema_requests": 361}
        await daemon.execute("SELECT pg_stat_force_next_flush()")
    after = await counters(admin)
    for table, rows in removed.items():
        assert after[table]["seq_scan"] == before[table]["seq_scan"], table
        # Once by age and once by id, with a few at the end of each range.
        assert after[table]["idx"] - before[table]["idx"] <= 2 * rows + 10, table
