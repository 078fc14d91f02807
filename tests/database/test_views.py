"""The views for people at psql: what waits, what was decided, what there is; each role sees what is its own."""

import json
from typing import Any

import pytest

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.support.databases import Database, fields
from tests.support.requests import ask, decided, submit

VIEWS = ["pending_requests", "recent_decisions", "created_tables"]
# Reads another session's variable, so a person has to look.
HELD = {"fields": [{"name": "a", "type": "text", "default": {"expression": "current_setting('app.user')"}}]}
HISTORY = """
SET session_replication_role = replica;
INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload, status, verdict, created_at,
  processed_at, requested_by)
SELECT 'user123', 'old_' || n, '{}', 'approved', 'auto', now() - interval '1 day', now() - n * interval '1 s', role
FROM generate_series(1, 20000) AS n,
  unnest(CASE WHEN n % 40 = 0 THEN '{app_one,app_two}' ELSE '{app_two}' END::text[]) AS role;
INSERT INTO schemad.schema_registry (name, owner_role)
SELECT 'old_' || n, CASE WHEN n % 200 = 0 THEN 'app_one' ELSE 'app_two' END FROM generate_series(1, 5000) AS n;
RESET session_replication_role
"""
PENDING = """
SET session_replication_role = replica;
INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload, verdict, requested_by)
SELECT 'user123', 'waits_' || n, '{}', 'review', 'app_one' FROM generate_series(1, 20) AS n;
RESET session_replication_role
"""


async def rows_of(connection: Connection, view: str) -> list[dict[str, Any]]:
    return [dict(row) for row in await connection.fetch(f"SELECT * FROM schemad.{view}")]


async def test_what_waits_is_told_with_its_age_the_findings_in_words_and_the_plan(
    app: Connection, dba: Connection, daemon: Daemon
) -> None:
    request_id = (await ask(app, "notes", HELD))["id"]
    (row,) = await rows_of(dba, "pending_requests")
    assert (row["id"], row["state"], row["requested_by"]) == (request_id, "review", "app_one")
    assert row["age"].total_seconds() >= 0
    assert "calls current_setting with 1 argument" in row["why"]
    assert row["plan_sql"].startswith('CREATE TABLE "public"."notes"')
    await dba.execute("SELECT schemad.approve_request($1, 'fine', $2)", request_id, row["plan_digest"])


async def test_what_was_decided_is_told_with_who_why_and_the_plan_the_latest_first(
    app: Connection, dba: Connection, daemon: Daemon
) -> None:
    await ask(app, "notes", fields("a"))
    held = (await ask(app, "held", HELD))["id"]
    assert [r["schema_name"] for r in await rows_of(app, "recent_decisions")] == ["notes"]
    await dba.execute("SELECT schemad.reject_request($1, 'make it a column')", held)
    rejected, approved = await rows_of(app, "recent_decisions")
    assert (rejected["status"], rejected["why"]) == ("rejected", "rejected by dba_one: make it a column")
    assert (approved["status"], approved["schema_name"]) == ("approved", "notes")
    assert "low-risk: created public.notes" in approved["why"]
    assert approved["plan_sql"].startswith('CREATE TABLE "public"."notes"')
    assert approved["took"].total_seconds() > 0
    assert await rows_of(dba, "recent_decisions") != []


async def test_the_tables_there_are_are_told_with_their_fields_and_their_state(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    payload = {
        "description": "What to remember",
        "fields": [
            {"name": "title", "type": "varchar(80)", "nullable": False},
            {"name": "order_no", "type": "int"},
        ],
    }
    await ask(app, "notes", payload)
    (row,) = await rows_of(app, "created_tables")
    assert (row["table_name"], row["state"], row["version"]) == ("public.notes", "active", 1)
    assert (row["description"], row["requester_user_id"], row["requested_by"]) == (
        "What to remember",
        "user123",
        "app_one",
    )
    assert row["fields"] == "id bigint NOT NULL, title varchar(80) NOT NULL, order_no integer"

    await decided(app, await submit(app, "notes", {"action": "deprecate"}))
    assert [r["state"] for r in await rows_of(app, "created_tables")] == ["deprecated"]
    await admin.execute("DROP TABLE public.notes")
    assert [r["state"] for r in await rows_of(app, "created_tables")] == ["missing"]


async def test_a_requester_sees_what_is_its_roles_own_a_reviewer_and_a_daemon_all(
    database: Database, app: Connection, dba: Connection, daemon: Daemon
) -> None:
    await ask(app, "notes", fields("a"))
    await ask(app, "held", HELD)
    async with database.connection("app_two") as other, database.connection("daemon_login") as another:
        await ask(other, "letters", fields("a"))
        for view in VIEWS:
            own = {row["requested_by"] for row in await rows_of(app, view)}
            assert own == {"app_one"}, view
            theirs = {row["requested_by"] for row in await rows_of(other, view)}
            assert theirs == (set() if view == "pending_requests" else {"app_two"}), view
            for all_seeing in (dba, another):
                assert {row["requested_by"] for row in await rows_of(all_seeing, view)} == own | theirs, view


@pytest.mark.parametrize("view", VIEWS)
async def test_a_view_shows_what_its_reader_may_see_and_not_what_its_owner_may(
    admin: Connection, view: str
) -> None:
    options = await admin.fetchval("SELECT reloptions FROM pg_class WHERE oid = $1::regclass", f"schemad.{view}")
    assert options == ["security_invoker=true"]


async def rows_read(connection: Connection, view: str) -> int:
    """How many rows of schemad's own tables a reader of the view reads, those that a filter drops included."""
    explained = await connection.fetchval(f"EXPLAIN (ANALYZE, FORMAT JSON) SELECT * FROM schemad.{view}")
    read = 0
    waiting = [json.loads(explained)[0]["Plan"]]
    while waiting:
        plan = waiting.pop()
        waiting += plan.get("Plans", [])
        if plan.get("Relation Name") == "schema_requests":
            rows = plan["Actual Rows"] + plan.get("Rows Removed by Filter", 0)
            read += round(rows * plan["Actual Loops"])
    return read


async def test_views_read_what_they_show_and_not_the_history(
    admin: Connection, app: Connection, dba: Connection
) -> None:
    for statement in (HISTORY, PENDING, "VACUUM ANALYZE schemad.schema_requests"):
        await admin.execute(statement)
    for reader, tables in ((app, 25), (dba, 5000)):
        assert await rows_read(reader, "pending_requests") == 20
        assert await rows_read(reader, "recent_decisions") == 100
        assert len(await rows_of(reader, "created_tables")) == tables
    latest = [row["id"] for row in await rows_of(app, "recent_decisions")]
    assert latest == [
        row["id"]
        for row in await admin.fetch(
            "SELECT id FROM schemad.schema_requests WHERE requested_by = 'app_one' AND status <> 'pending' "
            "ORDER BY processed_at DESC LIMIT 100"
        )
    ]
