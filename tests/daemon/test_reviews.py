"""Requests that wait for a person: what was approved is what is done, or it waits again."""

import pytest

from schemad.daemon import Daemon
from schemad.settings import Settings
from schemad.store import Connection
from schemad.store.decided import MAX_FINDINGS
from tests.support.daemons import running_daemon
from tests.support.databases import Database, fields
from tests.support.logs import logged
from tests.support.requests import ask, columns_of, decided, rules, submit, until

PUT_OFF = "UPDATE schemad.schema_requests SET next_attempt_at = $1::text::timestamptz WHERE id = $2"


async def approve(reviewer: Connection, request_id: int) -> None:
    await reviewer.fetchval("SELECT schemad.approve_request($1, 'agreed with the team')", request_id)


async def test_with_auto_creation_off_a_request_waits_with_what_would_have_been_done(
    database: Database, admin: Connection, app: Connection, dba: Connection
) -> None:
    async with running_daemon(database.dsn("daemon_login"), enable_auto_create=False):
        held = await ask(app, "notes", fields("title"))
        assert (held["status"], held["verdict"], rules(held)) == ("pending", "review", ["policy.auto_create_off"])
        assert "created public.notes with 2 fields" in held["findings"][0]["message"]
        assert held["plan_sql"].startswith('CREATE TABLE "public"."notes"')
        assert await columns_of(admin, "public.notes") == []

        await approve(dba, held["id"])
        assert (await decided(app, held["id"]))["status"] == "approved"
        assert await columns_of(admin, "public.notes") == ["id", "title"]


async def test_each_rule_by_which_a_request_waits_is_in_its_line_once(database: Database, app: Connection) -> None:
    default = {"expression": "version()"}
    payload = {"fields": [{"name": name, "type": "text", "default": default} for name in ("a", "b", "c")]}
    with logged() as lines:
        async with running_daemon(database.dsn("daemon_login")):
            held = await ask(app, "notes", payload)
    assert len(rules(held)) == 3
    assert [line["findings"] for line in lines.of("request.held")] == [[rules(held)[0]]]


@pytest.mark.parametrize("variable", ["SCHEMAD_ENABLE_AUTO_CREATE", "ENABLE_SCHEMA_AUTO_CREATE"])
async def test_both_variables_turn_auto_creation_on(
    database: Database, app: Connection, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.delenv("SCHEMAD_ENABLE_AUTO_CREATE", raising=False)
    monkeypatch.delenv("ENABLE_SCHEMA_AUTO_CREATE", raising=False)
    assert Settings().enable_auto_create is False
    monkeypatch.setenv(variable, "true")
    async with running_daemon(database.dsn("daemon_login"), enable_auto_create=Settings().enable_auto_create):
        assert (await ask(app, "notes", fields("title")))["status"] == "approved"


async def test_an_approval_applies_exactly_the_sql_that_was_shown(
    admin: Connection, app: Connection, dba: Connection, daemon: Daemon
) -> None:
    payload = fields("name", price="numeric(10,2)") | {"checks": ["repeat(name, 2) <> ''"]}
    held = await ask(app, "products", payload)
    assert (held["status"], held["verdict"], rules(held)) == (
        "pending",
        "review",
        ["expression.function_not_allowed"],
    )
    assert await columns_of(admin, "public.products") == []

    await approve(dba, held["id"])
    request = await decided(app, held["id"])
    assert (request["status"], request["verdict"]) == ("approved", "review")
    assert (request["decided_by"], request["decision_reason"]) == ("dba_one", "agreed with the team")
    audit = await admin.fetchrow("SELECT * FROM schemad.schema_changes_audit")
    assert audit is not None
    assert audit["migration_sql"] == request["plan_sql"] == held["plan_sql"]
    assert (audit["request_id"], audit["applied_by"]) == (held["id"], "dba_one")
    check = await admin.fetchval(
        "SELECT pg_get_constraintdef(oid) FROM pg_constraint "
        "WHERE conrelid = 'public.products'::regclass AND contype = 'c'"
    )
    assert check == "CHECK ((repeat(name, 2) <> ''::text))"


async def test_an_approval_of_a_plan_that_no_longer_holds_waits_again_with_the_new_one(
    admin: Connection, app: Connection, dba: Connection, daemon: Daemon
) -> None:
    await ask(app, "orders", fields("a"))
    held = await ask(app, "orders", fields("a", "b") | {"checks": ["repeat(a, 2) <> ''"]})
    assert 'ADD COLUMN "b"' in held["plan_sql"]
    # The table changes between what the reviewer reads and what the daemon would do.
    assert (await ask(app, "orders", fields("a", "b")))["status"] == "approved"

    await approve(dba, held["id"])
    stale = await decided(app, held["id"])
    assert (stale["status"], stale["verdict"]) == ("pending", "review")
    assert rules(stale) == ["expression.function_not_allowed", "approval.stale"]
    assert (stale["decided_by"], stale["decision_reason"]) == (None, None)
    assert "ADD COLUMN" not in stale["plan_sql"]
    assert await admin.fetchval("SELECT count(*) FROM schemad.schema_changes_audit") == 2

    await approve(dba, held["id"])
    assert (await decided(app, held["id"]))["status"] == "approved"
    last = await admin.fetchval(
        "SELECT migration_sql FROM schemad.schema_changes_audit WHERE request_id = $1", held["id"]
    )
    assert last == stale["plan_sql"]


async def test_a_request_with_more_findings_than_are_kept_can_be_approved(
    admin: Connection, app: Connection, dba: Connection, daemon: Daemon
) -> None:
    await admin.execute(
        "CREATE TABLE public.elsewhere (id integer PRIMARY KEY); "
        "GRANT REFERENCES ON public.elsewhere TO PUBLIC; SELECT schemad.allow_type('bytea', false)"
    )
    payload = fields(**{f"f{n}": "bytea" for n in range(210)})
    payload["fields"].append(
        {"name": "other", "type": "integer", "references": {"table": "elsewhere", "field": "id"}}
    )
    held = await ask(app, "scans", payload)
    assert len(held["findings"]) == MAX_FINDINGS
    assert set(rules(held)) == {"type.not_safe", "limit.fields", "reference.unmanaged"}

    await approve(dba, held["id"])
    approved = await decided(app, held["id"])
    assert (approved["status"], rules(approved)) == ("approved", rules(held))
    assert len(await columns_of(admin, "public.scans")) == 212


async def test_a_request_that_is_rejected_or_withdrawn_is_not_applied_by_a_later_daemon(
    database: Database, admin: Connection, app: Connection, dba: Connection
) -> None:
    rejected, withdrawn = [await submit(app, name, fields("a")) for name in ("rejected", "withdrawn")]
    await dba.fetchval("SELECT schemad.reject_request($1, 'use orders')", rejected)
    await app.fetchval("SELECT schemad.cancel_request($1)", withdrawn)
    async with running_daemon(database.dsn("daemon_login")):
        assert (await ask(app, "other", fields("a")))["status"] == "approved"
    assert (await decided(app, rejected))["status"] == "rejected"
    assert (await decided(app, withdrawn))["status"] == "cancelled"
    assert await columns_of(admin, "public.rejected") == []
    assert await columns_of(admin, "public.withdrawn") == []


async def test_a_retry_by_the_requester_takes_no_approval_along(
    admin: Connection, app: Connection, dba: Connection, database: Database, daemon: Daemon
) -> None:
    await ask(app, "victim", fields("a"))
    await admin.execute("CREATE VIEW in_the_way AS SELECT a FROM victim")
    drop = await ask(app, "victim", {"action": "drop"})
    await approve(dba, drop["id"])
    assert (await decided(app, drop["id"]))["verdict"] == "failed"

    await admin.execute("DROP VIEW in_the_way")
    await app.execute("SELECT schemad.retry_request($1)", drop["id"])
    again = await decided(app, drop["id"])
    assert (again["status"], again["verdict"], rules(again)) == ("pending", "review", ["table.drop"])
    assert await columns_of(admin, "public.victim") == ["id", "a"]

    await approve(dba, drop["id"])
    assert (await decided(app, drop["id"]))["status"] == "approved"


async def test_a_retry_by_the_requester_takes_none_along_where_it_is_a_reviewer_too(
    admin: Connection, app: Connection, dba: Connection, database: Database, daemon: Daemon
) -> None:
    await ask(app, "victim", fields("a"))
    await admin.execute("CREATE ROLE both_login LOGIN IN ROLE app_one, schemad_reviewer")
    try:
        async with database.connection("both_login") as both:
            await admin.execute("CREATE VIEW in_the_way AS SELECT a FROM victim")
            await both.execute("SET ROLE app_one")
            drop = await ask(both, "victim", {"action": "drop"})
            await both.execute("RESET ROLE")
            await approve(dba, drop["id"])
            assert (await decided(app, drop["id"]))["verdict"] == "failed"

            await admin.execute("DROP VIEW in_the_way")
            await both.execute("SELECT schemad.retry_request($1)", drop["id"])
            again = await decided(app, drop["id"])
            assert (again["status"], again["verdict"], rules(again)) == ("pending", "review", ["table.drop"])
            await approve(dba, drop["id"])
            assert (await decided(app, drop["id"]))["status"] == "approved"
    finally:
        await admin.execute("DROP ROLE both_login")


async def test_an_approval_keeps_its_plan_while_the_table_is_locked_and_lapses_if_that_is_no_longer_right(
    admin: Connection, app: Connection, dba: Connection, database: Database
) -> None:
    async with running_daemon(database.dsn("daemon_login")):
        held = await ask(app, "notes", fields("a") | {"checks": ["repeat(a, 2) <> ''"]})
    approved_sql = held["plan_sql"]
    await dba.execute("SELECT schemad.approve_request($1, 'agreed')", held["id"])
    # Meanwhile another role has a table of that name, and somebody holds it.
    async with database.connection("app_two") as other:
        theirs = await submit(other, "notes", fields("b"))
        later = await admin.fetchval("SELECT (now() + interval '110 s')::text")
        await admin.execute(PUT_OFF, later, held["id"])
        async with running_daemon(database.dsn("daemon_login")):
            assert (await decided(other, theirs))["status"] == "approved"
    lock = admin.transaction()
    await lock.start()
    await admin.execute("LOCK TABLE public.notes IN ACCESS EXCLUSIVE MODE")
    async with database.connection() as superuser, running_daemon(database.dsn("daemon_login")):
        await superuser.execute(PUT_OFF, None, held["id"])
        await until(
            superuser, "(SELECT last_error LIKE '55P03%' FROM schemad.schema_requests WHERE id = $1)", held["id"]
        )
        row = await superuser.fetchrow("SELECT * FROM schemad.schema_requests WHERE id = $1", held["id"])
        assert row is not None
        assert (row["plan_sql"], row["decided_by"]) == (approved_sql, "dba_one")
        await lock.rollback()
        lapsed = await decided(app, held["id"])
    assert (lapsed["status"], lapsed["verdict"], lapsed["decided_by"]) == ("pending", "review", None)
    assert "approval.stale" in rules(lapsed)
