"""A request costs what it costs, however many were there before it, are held, or wait for their next attempt."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from schemad.store import Connection, Queue
from schemad.store.queue_state import read_queue_state
from schemad.store.sql_files import query
from tests.support.daemons import running_daemon
from tests.support.databases import Database, fields
from tests.support.reads import COUNT, rows_read
from tests.support.requests import ask, decided, submit, until

PROCESSED = """
SET session_replication_role = replica;
INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload, status, verdict, created_at,
  processed_at, requested_by)
SELECT 'user123', 'old_' || n, '{}', 'approved', 'auto', now() - interval '1 day', now(), 'app_one'
FROM generate_series(1, 20000) AS n;
INSERT INTO schemad.auto_create_log (schema_name, action)
SELECT 'old_' || n, 'created' FROM generate_series(1, 20000) AS n;
INSERT INTO schemad.notifications (user_id, role_name, payload)
SELECT 'user123', 'app_one', '{}' FROM generate_series(1, 20000) AS n;
INSERT INTO schemad.schema_registry (name, owner_role, created_at)
SELECT 'old_' || n, 'app_one', now() - interval '2 days' FROM generate_series(1, 5000) AS n;
RESET session_replication_role
"""
PENDING = """
SET session_replication_role = replica;
INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload, verdict, next_attempt_at,
  created_at, requested_by, requested_login)
SELECT 'user123', 'waits_' || n, '{}', CASE WHEN n % 2 = 0 THEN 'review' END,
  CASE WHEN n % 2 = 1 THEN now() + interval '110 s' END, now() - interval '1 day', 'app_one', 'app_one'
FROM generate_series(1, 2000) AS n;
RESET session_replication_role
"""
BACKLOG = """
SET session_replication_role = replica;
INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload, requested_by)
SELECT CASE WHEN n > 3000 THEN 'other_' || n ELSE 'user123' END, 'due_' || n, '{"fields": []}', 'app_one'
FROM generate_series(1, 3003) AS n;
RESET session_replication_role
"""
# Of as many requesters of one role, for one table.
CROWD = BACKLOG.replace(
    "CASE WHEN n > 3000 THEN 'other_' || n ELSE 'user123' END, 'due_' || n", "'user_' || n, 'due'"
)
ONE_REQUESTER = BACKLOG.replace("CASE WHEN n > 3000 THEN 'other_' || n ELSE 'user123' END", "'user123'")
# What autovacuum may have done when a plan is made. The second has the planner believe that nothing waits.
STATISTICS = {
    "none": [PROCESSED, PENDING],
    "of an empty queue": [PROCESSED, "VACUUM ANALYZE", PENDING],
    "current": [PROCESSED, PENDING, "VACUUM ANALYZE"],
}
GROWN = ["schema_requests", "auto_create_log", "notifications", "schema_registry"]
LIMITS = {
    "requests_per_minute": 1500,
    "requests_per_minute_and_user": 1500,
    "pending_requests": 100_000,
    "tables_per_day": 1000,
}
# Relations without files.
RELATIONS = """
DO $$
BEGIN
  FOR n IN 1 .. 3000 LOOP
    EXECUTE format('CREATE TYPE public.kind_%s AS (a integer)', n);
  END LOOP;
END
$$
"""
CATALOG_READ = """
SELECT t.seq_tup_read::integer + (
  SELECT sum(i.idx_tup_read) FROM pg_stat_all_indexes AS i WHERE i.relid = t.relid)::integer
FROM pg_stat_all_tables AS t
WHERE t.relid = 'pg_class'::regclass
"""
RELATIONS_READ = "SELECT sum(i.idx_tup_read)::integer FROM pg_stat_all_indexes AS i WHERE i.relname = 'pg_class'"
ENDED = "NOT EXISTS (SELECT FROM pg_stat_activity WHERE datname = current_database() AND usename = 'daemon_login')"
# The polls of wait_for_request() are among them, where a test waits by it.
FEW = 60


def referring(table: str) -> dict[str, Any]:
    """A payload with a foreign key."""
    return {"fields": [{"name": "ref", "type": "bigint", "references": {"table": table}}]}


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A plan's nodes."""
    yield plan
    for part in plan.get("Plans", []):
        yield from nodes(part)


async def assert_read_in_order(daemon: Connection, name: str, parameters: str, arguments: str) -> None:
    """Asserts that a query of the queue reads the index that has its order, and nothing that it does not want."""
    await daemon.execute(f"PREPARE {name} ({parameters}) AS {query(name)}")
    explained = await daemon.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE {name} ({arguments})")
    found = list(nodes(json.loads(explained)[0]["Plan"]))
    reads = [n for n in found if n.get("Relation Name") == "schema_requests"]
    assert [(n["Node Type"], n["Index Name"]) for n in reads] == [("Index Scan", "schema_requests_due")]
    assert reads[0].get("Rows Removed by Filter", 0) <= 1
    assert "Sort" not in {n["Node Type"] for n in found}


async def without_autovacuum(admin: Connection) -> None:
    """Has nothing but the test change what is known of the tables: else it is whatever the moment makes it."""
    for table in GROWN:
        await admin.execute(f"ALTER TABLE schemad.{table} SET (autovacuum_enabled = false)")


async def read_since(before: dict[str, int], admin: Connection) -> dict[str, int]:
    """Rows read since then, by table and index, of sessions that have ended."""
    await until(admin, ENDED)
    return {name: count - before[name] for name, count in (await rows_read(admin, GROWN)).items()}


async def ask_at_once(app: Connection, name: str, count: int) -> set[str]:
    """Asks for so many tables in one commit; what became of them."""
    async with app.transaction():
        ids = [await submit(app, f"{name}_{number}", fields("a")) for number in range(count)]
    return {(await decided(app, request_id))["status"] for request_id in ids}


@pytest.mark.parametrize("statistics", STATISTICS)
async def test_a_request_reads_neither_the_history_nor_what_waits(
    database: Database, admin: Connection, statistics: str
) -> None:
    await without_autovacuum(admin)
    for statement in STATISTICS[statistics]:
        await admin.execute(statement)
    for limit, value in LIMITS.items():
        await admin.execute("SELECT schemad.set_policy($1, $2)", limit, str(value))

    before = await rows_read(admin, GROWN)
    async with running_daemon(database.dsn("daemon_login")), database.connection("app_one") as app:
        # Waiting for its decision would read it again and again.
        await submit(app, "notes", fields("a"))
        await until(admin, "to_regclass('public.notes') IS NOT NULL")
        await app.execute(COUNT)
    read = await read_since(before, admin)
    # The limit on pending requests counts those, up to where it would refuse.
    for counted in ("schema_requests_pending", "schema_requests_pending_login"):
        assert 2000 <= read.pop(counted) < 2000 + FEW
    assert {name: rows for name, rows in read.items() if rows > FEW} == {}

    for mode in ("force_generic_plan", "force_custom_plan"):
        async with database.connection("daemon_login") as daemon:
            await daemon.execute(f"SET plan_cache_mode = {mode}")
            await assert_read_in_order(daemon, "next_attempt", "integer[]", "'{22000}'")


@pytest.mark.parametrize("statistics", STATISTICS)
async def test_a_foreign_key_reads_neither_the_registry_nor_the_catalog(
    database: Database, admin: Connection, statistics: str
) -> None:
    await without_autovacuum(admin)
    async with running_daemon(database.dsn("daemon_login")), database.connection("app_one") as app:
        # Plans of a session are kept from its first request on.
        assert (await ask(app, "books", fields("a")))["status"] == "approved"
        assert (await ask(app, "first", referring("books")))["status"] == "approved"
        for statement in (*STATISTICS[statistics], RELATIONS):
            await admin.execute(statement)
        async with database.connection("daemon_login") as other:
            await other.execute(COUNT)
        before, catalog_before = await rows_read(admin, GROWN), await admin.fetchval(CATALOG_READ)
        assert (await ask(app, "copies", referring("books")))["status"] == "approved"
    read = await read_since(before, admin)
    assert {name: rows for name, rows in read.items() if rows > 2 * FEW} == {}
    assert await admin.fetchval(CATALOG_READ) - catalog_before < 3000


@pytest.mark.parametrize(
    ("waiting", "requesters"),
    [(BACKLOG, 4), (ONE_REQUESTER, 1), (CROWD, 1)],
    ids=["tables", "one requester", "one table"],
)
@pytest.mark.parametrize("statistics", STATISTICS)
async def test_a_batch_of_a_long_queue_reads_little_more_than_itself(
    database: Database, admin: Connection, statistics: str, waiting: str, requesters: int
) -> None:
    await without_autovacuum(admin)
    for statement in STATISTICS[statistics]:
        await admin.execute(statement)
    await admin.execute(waiting)
    async with database.connection("daemon_login") as daemon:
        before = await rows_read(admin, GROWN)
        candidates = await Queue(daemon).candidates(10)
        # Of those for one table the first alone.
        assert (candidates.found, len({r.requester_user_id for r in candidates.requests})) == (10, requesters)
        await daemon.execute(COUNT)
    read = await read_since(before, admin)
    assert {name: rows for name, rows in read.items() if rows > FEW} == {}


@pytest.mark.parametrize("statistics", STATISTICS)
async def test_a_scrape_reads_what_waits_and_nothing_of_the_history(
    database: Database, admin: Connection, statistics: str
) -> None:
    await without_autovacuum(admin)
    for statement in STATISTICS[statistics]:
        await admin.execute(statement)
    await admin.execute(BACKLOG)
    async with database.connection("daemon_login") as daemon:
        before = await rows_read(admin, GROWN)
        state = await read_queue_state(daemon)
        assert state.waiting == {"due": 3003, "put_off": 1000, "review": 1000, "failed": 0}
        await daemon.execute(COUNT)
    read = await read_since(before, admin)
    # Of what waits for people no more than that: a long queue is not read past for it.
    assert read.pop("schema_requests_held") == 1000
    assert sum(read.values()) <= 4003 + FEW


@pytest.mark.parametrize("together", [1, 3])
async def test_plans_that_were_made_while_there_was_nothing_stay_good(
    database: Database, admin: Connection, together: int
) -> None:
    await without_autovacuum(admin)
    async with running_daemon(database.dsn("daemon_login")), database.connection("app_one") as app:
        assert await ask_at_once(app, "first", together) == {"approved"}
        await admin.execute(PROCESSED)
        await admin.execute(RELATIONS)
        async with database.connection("daemon_login") as other:
            await other.execute(COUNT)
        before, relations_before = await rows_read(admin, GROWN), await admin.fetchval(RELATIONS_READ)
        assert await ask_at_once(app, "second", together) == {"approved"}
    read = await read_since(before, admin)
    # What the daemon's own sessions read of the first request is counted at their end, too.
    assert {name: rows for name, rows in read.items() if rows > 2 * FEW} == {}
    assert await admin.fetchval(RELATIONS_READ) - relations_before < 2000
