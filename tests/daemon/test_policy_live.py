"""The policy at work: followed without a restart, never exceeded, and each result proven before it is kept."""

import asyncio
import json
from typing import Any

import pytest

from schemad.daemon import Daemon
from schemad.request.expressions import read_expression
from schemad.store import Connection
from tests.database.asking import refusal
from tests.support.daemons import running_daemon
from tests.support.databases import Database, fields
from tests.support.requests import ask, columns_of, decided, on_creation, rules, submit, submit_many, until
from tests.unit.test_allowed_expressions import CHECKS, DEFAULTS, FIELDS

MOOD = "CREATE TYPE public.mood AS ENUM ('sad', 'ok')"


def with_default(type_text: str, default: object, **more: Any) -> dict[str, Any]:
    return {"fields": [{"name": "a", "type": type_text, "default": default, **more}]}


def referring(table: str, **reference: Any) -> dict[str, Any]:
    return {"fields": [{"name": "ref", "type": "bigint", "references": {"table": table, **reference}}]}


async def approve(dba: Connection, request_id: int) -> None:
    await dba.execute("SELECT schemad.approve_request($1, 'agreed')", request_id)


async def assert_failed(admin: Connection, request: dict[str, Any], sqlstate: str) -> None:
    """The request failed, and nothing of it stayed."""
    assert (request["status"], request["verdict"]) == ("pending", "failed"), request
    assert request["last_error"].startswith(f"{sqlstate} ")
    assert rules(request)[-1] == "apply.failed"
    name = request["schema_name"]
    assert await admin.fetchval("SELECT count(*) FROM pg_class WHERE relname LIKE $1 || '%'", name) == 0
    assert await admin.fetchval("SELECT count(*) FROM pg_type WHERE typname = $1", name) == 0
    for table in ("schema_registry", "schema_fields", "schema_versions", "schema_changes_audit"):
        assert await admin.fetchval(f"SELECT count(*) FROM schemad.{table}") == 0
    assert await admin.fetchval("SELECT action FROM schemad.auto_create_log") == "failed"


async def made(admin: Connection) -> int:
    """How many tables there are."""
    tables: int = await admin.fetchval(
        "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
    )
    return tables


async def test_every_allowed_default_is_one_that_an_insert_can_use(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    await admin.execute("SELECT schemad.set_policy('max_fields', '500')")
    asked = [
        {"name": f"f{n}", "type": type_text, "default": {"expression": expression}}
        for n, (type_text, expression) in enumerate(DEFAULTS)
    ]
    request = await ask(app, "every_default", {"fields": asked})
    assert (request["status"], request["verdict"]) == ("approved", "auto"), request
    row = await app.fetchrow("INSERT INTO public.every_default DEFAULT VALUES RETURNING *")
    assert row is not None
    for (_, expression), value in zip(DEFAULTS, row[1:], strict=True):
        assert (value is None) == expression.startswith("NULL"), expression


async def test_every_allowed_check_is_one_that_postgresql_takes(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    asked = [{"name": name, "type": type_text} for name, type_text in FIELDS.items()]
    request = await ask(app, "every_check", {"fields": asked, "checks": CHECKS})
    assert (request["status"], request["verdict"]) == ("approved", "auto"), request
    found = await admin.fetchval(
        "SELECT count(*) FROM pg_constraint WHERE conrelid = 'public.every_check'::regclass AND contype = 'c'"
    )
    assert found == len({read_expression(check, field=None) for check in CHECKS})


async def test_a_type_that_is_allowed_is_created_by_itself_from_then_on(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    await admin.execute(MOOD)
    payload = {
        "fields": [
            {"name": "now_is", "type": "Mood", "nullable": False, "default": "ok", "unique": True},
            {"name": "others", "type": "mood[]", "default": ["sad", "ok"]},
        ],
        "checks": ["now_is <> 'sad'"],
        "indexes": [{"fields": ["others"], "method": "gin"}],
    }
    assert (await refusal(submit(app, "moods", payload))).sqlstate == "42704"

    await admin.execute("SELECT schemad.allow_type('mood', auto => false)")
    held = await ask(app, "held", payload)
    assert (held["verdict"], rules(held)) == ("review", ["type.not_safe", "type.not_safe"])

    await admin.execute("SELECT schemad.allow_type('mood')")
    request = await ask(app, "moods", payload)
    assert (request["status"], request["verdict"]) == ("approved", "auto"), request
    row = await app.fetchrow("INSERT INTO public.moods DEFAULT VALUES RETURNING now_is::text, others::text[]")
    assert row is not None
    assert tuple(row) == ("ok", ["sad", "ok"])

    await app.execute("SELECT schemad.retry_request($1)", held["id"])
    assert (await decided(app, held["id"]))["status"] == "approved"
    await admin.execute("SELECT schemad.disallow_type('mood')")
    assert (await refusal(submit(app, "more", payload))).sqlstate == "42704"


async def test_an_allowed_type_of_another_schema_is_written_with_its_schema(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    await admin.execute(
        'CREATE SCHEMA "App Data"; CREATE DOMAIN "App Data".positive AS integer CHECK (VALUE > 0); '
        'GRANT USAGE ON SCHEMA "App Data" TO schemad_owner; SELECT schemad.allow_type(\'"App Data".positive\')'
    )
    request = await ask(app, "numbers", with_default("positive", "5"))
    assert request["status"] == "approved", request
    assert '"a" "App Data".positive DEFAULT' in request["plan_sql"]
    assert await columns_of(admin, "public.numbers") == ["id", "a"]


async def test_the_longest_name_that_an_allowed_type_may_have_leaves_room_for_an_array_of_it(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    schema = "s" * 57
    await admin.execute(
        f"CREATE SCHEMA {schema}; CREATE TYPE {schema}.mood AS ENUM ('ok'); "
        f"GRANT USAGE ON SCHEMA {schema} TO schemad_owner; SELECT schemad.allow_type('{schema}.mood')"
    )
    request = await ask(app, "moods", with_default("mood[]", ["ok"]))
    assert request["status"] == "approved", request


@pytest.mark.parametrize(
    ("ddl", "payload", "sqlstate"),
    [
        (MOOD, with_default("mood", "furious"), "22P02"),
        (MOOD, with_default("mood[]", ["ok", "furious"]), "22P02"),
        ("CREATE DOMAIN public.mood AS integer CHECK (VALUE > 0)", with_default("mood", "-1"), "SD001"),
        ("CREATE DOMAIN public.mood AS varchar(3)", with_default("mood", "abcd"), "SD001"),
    ],
)
async def test_a_default_that_an_allowed_type_does_not_take_leaves_nothing(
    admin: Connection, app: Connection, daemon: Daemon, ddl: str, payload: Any, sqlstate: str
) -> None:
    await admin.execute(ddl + "; SELECT schemad.allow_type('mood')")
    await assert_failed(admin, await ask(app, "moods", payload), sqlstate)


@pytest.mark.parametrize(
    ("type_text", "expression"),
    [
        ("smallint", "99999"),
        ("smallint", "30000 + 30000"),
        ("integer", "1 / (1 - 1)"),
        ("integer", "2147483647 + 1"),
        ("varchar(3)", "'abcd'"),
        ("varchar(3)", "lower('ABCD')"),
        ("char(1)", "'ab'::text"),
        ("numeric(3,1)", "1000"),
        ("date", "make_date(2020, 13, 1)"),
        ("uuid", "lower('X')::uuid"),
    ],
)
async def test_a_default_that_no_insert_could_use_fails_and_leaves_nothing(
    admin: Connection, app: Connection, daemon: Daemon, type_text: str, expression: str
) -> None:
    request = await ask(app, "misfits", with_default(type_text, {"expression": expression}))
    await assert_failed(admin, request, "SD001")
    assert "the default of a is no value of its type" in request["last_error"]
    assert (await ask(app, "good", fields("a")))["status"] == "approved"


async def test_a_severity_that_becomes_a_warning_lets_through_and_a_refusal_keeps_back(
    admin: Connection, app: Connection, dba: Connection, daemon: Daemon
) -> None:
    await admin.execute("SELECT schemad.set_policy('max_fields', '1')")
    held = await ask(app, "held", fields("a", "b"))
    assert (held["verdict"], rules(held)) == ("review", ["limit.fields"])

    await admin.execute("SELECT schemad.set_rule_severity('limit.fields', 'warn')")
    warned = await ask(app, "warned", fields("a", "b"))
    assert (warned["status"], warned["verdict"]) == ("approved", "auto")
    assert [(f["rule"], f["severity"]) for f in warned["findings"]] == [("limit.fields", "warn")]

    await admin.execute("SELECT schemad.set_rule_severity('limit.fields', 'refuse')")
    refused = await ask(app, "refused", fields("a", "b"))
    assert [(f["rule"], f["severity"]) for f in refused["findings"]] == [("limit.fields", "refuse")]
    no = await refusal(dba.execute("SELECT schemad.approve_request($1, 'agreed')", refused["id"]))
    assert no.sqlstate == "55000"
    assert no.detail is not None
    assert no.detail.endswith("Rule limit.fields: no approval lifts it.")

    await admin.execute("SELECT schemad.set_rule_severity('limit.fields', NULL)")
    assert (await ask(app, "again", fields("a", "b")))["verdict"] == "review"


async def foreign_keys(admin: Connection, table: str) -> list[str]:
    rows = await admin.fetch(
        "SELECT pg_get_constraintdef(oid) AS ddl FROM pg_constraint WHERE contype = 'f' "
        "AND conrelid = $1::text::regclass",
        table,
    )
    return [row["ddl"] for row in rows]


async def test_a_foreign_key_to_a_table_of_one_s_own_is_made_by_itself_with_an_index(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    await ask(app, "books", fields("title"))
    request = await ask(app, "copies", referring("Books", on_delete="cascade"))
    assert (request["status"], request["verdict"]) == ("approved", "auto"), request
    assert await foreign_keys(admin, "public.copies") == [
        "FOREIGN KEY (ref) REFERENCES books(id) ON DELETE CASCADE"
    ]
    indexed = await admin.fetchval(
        "SELECT count(*) FROM pg_index WHERE indrelid = 'public.copies'::regclass AND indkey::text = "
        "(SELECT attnum::text FROM pg_attribute WHERE attrelid = 'public.copies'::regclass AND attname = 'ref')"
    )
    assert indexed == 1
    assert (await refusal(app.execute("INSERT INTO public.copies (ref) VALUES (1)"))).sqlstate == "23503"
    again = await ask(app, "copies", referring("Books", on_delete="cascade"))
    assert (again["status"], again["plan_sql"]) == ("approved", "")


async def test_a_table_may_reference_itself(admin: Connection, app: Connection, daemon: Daemon) -> None:
    assert (await ask(app, "nodes", referring("nodes")))["status"] == "approved"
    assert await foreign_keys(admin, "public.nodes") == ["FOREIGN KEY (ref) REFERENCES nodes(id)"]
    more = {"fields": [{"name": "root", "type": "bigint", "references": {"table": "nodes"}}]}
    assert (await ask(app, "nodes", more))["status"] == "approved"
    assert len(await foreign_keys(admin, "public.nodes")) == 2


async def test_foreign_keys_to_what_is_not_one_s_own_or_too_large_wait_by_their_own_rules(
    database: Database, admin: Connection, app: Connection, daemon: Daemon
) -> None:
    await admin.execute(
        "CREATE TABLE public.messages (id bigint PRIMARY KEY); CREATE VIEW public.seen AS SELECT 1"
    )
    await admin.execute("CREATE TABLE public.legacy (id bigint PRIMARY KEY)")
    async with database.connection("app_two") as other:
        await ask(other, "theirs", fields("a"))
    await ask(app, "old", fields("a"))
    await ask(app, "old", {"action": "deprecate"})
    await ask(app, "mine", fields("a", code="integer"))
    for target, reference, expected in [
        ("messages", {}, ["reference.protected"]),
        ("legacy", {}, ["reference.unmanaged"]),
        ("seen", {}, ["reference.missing"]),
        ("nowhere", {}, ["reference.missing"]),
        ("schema_requests", {}, ["reference.protected"]),
        ("old", {}, ["reference.unmanaged"]),
        ("theirs", {}, ["reference.another_role"]),
        ("mine", {"field": "code"}, ["reference.no_key"]),
        ("mine", {"field": "nothing"}, ["reference.no_key"]),
    ]:
        request = await ask(app, f"to_{target}", referring(target, **reference))
        assert (request["verdict"], rules(request)) == ("review", expected), target
        assert await columns_of(admin, f"public.to_{target}") == []

    assert (await ask(app, "small", referring("mine")))["status"] == "approved"
    # As large as it is, whether or not anybody has analysed it.
    await app.execute("INSERT INTO public.mine (a) VALUES ('x')")
    await admin.execute("SELECT schemad.set_policy('max_referenced_bytes', '8191')")
    large = await ask(app, "large", referring("mine"))
    assert (large["verdict"], rules(large)) == ("review", ["reference.large"])
    await admin.execute("SELECT schemad.set_policy('max_referenced_bytes', '8192')")
    await app.execute("SELECT schemad.retry_request($1)", large["id"])
    assert (await decided(app, large["id"]))["status"] == "approved"
    await admin.execute("SELECT schemad.protect_table('mine')")
    assert rules(await ask(app, "late", referring("mine"))) == ["reference.protected"]


SETTLED = "(SELECT count(*) FROM schemad.schema_requests WHERE verdict IS NOT NULL OR status <> 'pending') = $1"


@pytest.mark.parametrize("quota", ["tables_in_all", "tables_per_day"])
@pytest.mark.parametrize("batch_size", [3, 200])
async def test_of_a_backlog_as_many_tables_are_made_as_the_quota_says(
    database: Database, admin: Connection, app: Connection, quota: str, batch_size: int
) -> None:
    await admin.execute("SELECT schemad.set_policy($1, '5')", quota)
    await submit_many(app, 20)
    async with running_daemon(database.dsn("daemon_login"), batch_size=batch_size):
        await until(admin, SETTLED, 20)
        assert await made(admin) == 5
        held = await admin.fetch("SELECT findings FROM schemad.schema_requests WHERE verdict = 'review'")
        assert [[f["rule"] for f in json.loads(row["findings"])] for row in held] == [["limit.tables"]] * 15
        # A table that is there may still grow.
        there = await admin.fetchval("SELECT name FROM schemad.schema_registry LIMIT 1")
        assert (await ask(app, there, fields("b")))["status"] == "approved"


@pytest.mark.parametrize("quota", ["tables_in_all", "tables_per_day"])
async def test_two_daemons_never_make_one_table_more_than_the_quota_says(
    database: Database, admin: Connection, app: Connection, quota: str
) -> None:
    await admin.execute("SELECT schemad.set_policy($1, '7')", quota)
    dsn = database.dsn("daemon_login")
    async with (
        database.connection("app_two") as other,
        running_daemon(dsn, batch_size=2),
        running_daemon(dsn, batch_size=2),
    ):
        # Two roles at once: each has a quota of its own.
        await asyncio.gather(submit_many(app, 20, "one"), submit_many(other, 20, "two"))
        await until(admin, SETTLED, 40)
    rows = await admin.fetch("SELECT owner_role, count(*) AS n FROM schemad.schema_registry GROUP BY 1 ORDER BY 1")
    assert [tuple(row) for row in rows] == [("app_one", 7), ("app_two", 7)]
    assert await made(admin) == 14


async def test_over_the_quota_a_person_decides_and_a_day_later_the_policy_does(
    admin: Connection, app: Connection, dba: Connection, daemon: Daemon
) -> None:
    await admin.execute("SELECT schemad.set_policy('tables_per_day', '1')")
    assert (await ask(app, "one", fields("a")))["status"] == "approved"
    two, three = [await ask(app, name, fields("a")) for name in ("two", "three")]
    assert rules(two) == rules(three) == ["limit.tables"]
    message = "role app_one has had 1 table made within 24 hours; the policy allows 1 (tables_per_day)"
    assert [finding["message"] for finding in two["findings"]] == [message]
    await approve(dba, two["id"])
    assert (await decided(app, two["id"]))["status"] == "approved"
    await app.execute("SELECT schemad.retry_request($1)", three["id"])
    assert rules(await decided(app, three["id"])) == ["limit.tables"]
    await admin.execute("UPDATE schemad.schema_registry SET created_at = created_at - interval '24 hours'")
    await app.execute("SELECT schemad.retry_request($1)", three["id"])
    assert (await decided(app, three["id"]))["status"] == "approved"


async def test_an_approval_goes_beyond_the_quota_whatever_the_name_of_the_reviewer_s_role(
    database: Database, admin: Connection, app: Connection, daemon: Daemon
) -> None:
    # As what the policy decides has it in decided_by.
    await admin.execute("CREATE ROLE schemad LOGIN IN ROLE schemad_reviewer")
    try:
        await admin.execute("SELECT schemad.set_policy('tables_in_all', '0')")
        held = await ask(app, "one", fields("a"))
        assert rules(held) == ["limit.tables"]
        async with database.connection("schemad") as reviewer:
            await approve(reviewer, held["id"])
        approved = await decided(app, held["id"])
        assert (approved["status"], approved["decided_by"]) == ("approved", "schemad")
    finally:
        await admin.execute("DROP ROLE schemad")


async def test_a_quota_of_none_holds_every_new_table(admin: Connection, app: Connection, daemon: Daemon) -> None:
    await admin.execute("SELECT schemad.set_policy('tables_in_all', '0')")
    held = await ask(app, "one", fields("a"))
    assert rules(held) == ["limit.tables"]
    assert held["findings"][0]["message"] == "role app_one has 0 tables; the policy allows 0 (tables_in_all)"
    assert await made(admin) == 0


ASKED = {
    "fields": [
        {"name": "a", "type": "varchar(10)", "nullable": False, "default": "x"},
        {"name": "b", "type": "integer"},
    ],
    "primary_key": ["a"],
}


def unless(condition: str, statement: str) -> str:
    """A statement that an event trigger runs once: what it does fires the trigger again."""
    return f"IF NOT ({condition}) THEN {statement}; END IF"


def column(name: str, condition: str) -> str:
    return (
        "EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'public.victim'::regclass "
        f"AND attname = '{name}' AND {condition})"
    )


@pytest.mark.parametrize(
    ("interference", "told"),
    [
        (unless(column("extra", "true"), "ALTER TABLE public.victim ADD extra text"), "it has 3 fields, not 2"),
        (
            unless(column("b", "atttypid = 'bigint'::regtype"), "ALTER TABLE public.victim ALTER b TYPE bigint"),
            "field b is bigint, not integer",
        ),
        (
            unless(column("a", "atttypmod = 24"), "ALTER TABLE public.victim ALTER a TYPE varchar(20)"),
            "field a is character varying(20), not character varying(10)",
        ),
        (
            unless(column("b", "atthasdef"), "ALTER TABLE public.victim ALTER b SET DEFAULT 1"),
            "field b differs in whether it has a default",
        ),
        (
            unless(column("a", "NOT atthasdef"), "ALTER TABLE public.victim ALTER a DROP DEFAULT"),
            "field a differs in whether it has a default",
        ),
        (
            unless(column("b", "attnotnull"), "ALTER TABLE public.victim ALTER b SET NOT NULL"),
            "field b is not nullable",
        ),
        (
            unless(
                column("b", "attidentity <> ''"),
                "ALTER TABLE public.victim ALTER b SET NOT NULL, ALTER b ADD GENERATED ALWAYS AS IDENTITY",
            ),
            "field b is not nullable",
        ),
        (
            unless(column("c", "true"), "ALTER TABLE public.victim RENAME b TO c"),
            "field b is missing",
        ),
        (
            unless(
                "NOT EXISTS (SELECT FROM pg_constraint WHERE conname = 'victim_pkey')",
                "ALTER TABLE public.victim DROP CONSTRAINT victim_pkey",
            ),
            "its primary key is none",
        ),
    ],
)
async def test_a_table_that_came_out_otherwise_than_asked_is_not_kept(
    admin: Connection, app: Connection, daemon: Daemon, interference: str, told: str
) -> None:
    await on_creation(admin, "victim", interference)
    request = await ask(app, "victim", ASKED)
    await assert_failed(admin, request, "SD001")
    assert request["last_error"] == f"SD001 victim is not what was asked for: {told}"

    await admin.execute("DROP EVENT TRIGGER interfere")
    await app.execute("SELECT schemad.retry_request($1)", request["id"])
    assert (await decided(app, request["id"]))["status"] == "approved"


async def test_a_field_that_came_out_otherwise_than_asked_is_not_kept(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    await ask(app, "victim", ASKED)
    retype = "ALTER TABLE public.victim ALTER c TYPE varchar"
    retyped = column("c", "atttypid <> 'text'::regtype")
    condition = f"NOT {column('c', 'true')} OR {retyped}"
    await on_creation(admin, "victim", unless(condition, retype))
    request = await ask(app, "victim", fields("c"))
    assert (request["status"], request["verdict"]) == ("pending", "failed")
    assert (
        request["last_error"] == "SD001 victim is not what was asked for: field c is character varying, not text"
    )
    assert await columns_of(admin, "public.victim") == ["a", "b"]
    assert await admin.fetchval("SELECT version FROM schemad.schema_registry") == 1


async def test_an_approved_plan_is_proven_as_well(
    admin: Connection, app: Connection, dba: Connection, daemon: Daemon
) -> None:
    await on_creation(admin, "victim", unless(column("extra", "true"), "ALTER TABLE public.victim ADD extra text"))
    held = await ask(app, "victim", ASKED | {"checks": ["evil_looking(a)"]})
    assert rules(held) == ["expression.function_not_allowed"]
    await admin.execute(
        "CREATE FUNCTION public.evil_looking(text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'"
    )
    held = await ask(app, "victim", ASKED | {"checks": ["public.evil_looking(a)"]})
    await approve(dba, held["id"])
    failed = await decided(app, held["id"])
    assert (failed["verdict"], failed["last_error"]) == (
        "failed",
        "SD001 victim is not what was asked for: it has 3 fields, not 2",
    )
    assert await made(admin) == 0


PLANTED = """
CREATE FUNCTION public.lower(varchar) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
  BEGIN INSERT INTO public.ran VALUES ('lower'); RETURN 'planted'; END $$;
CREATE FUNCTION public.length(varchar) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION public.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'epoch'::timestamptz $$;
CREATE FUNCTION public.gen_random_uuid() RETURNS uuid LANGUAGE sql
  AS $$ SELECT '00000000-0000-0000-0000-000000000000'::uuid $$;
CREATE FUNCTION public.equal(varchar, varchar) RETURNS boolean LANGUAGE plpgsql AS $$
  BEGIN INSERT INTO public.ran VALUES ('='); RETURN true; END $$;
CREATE OPERATOR public.= (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.equal);
CREATE OPERATOR public.~ (LEFTARG = varchar, RIGHTARG = varchar, FUNCTION = public.equal);
CREATE DOMAIN public.text AS varchar(1);
CREATE DOMAIN public.date AS varchar;
CREATE DOMAIN public.timestamptz AS varchar;
CREATE TYPE public.uuid AS ENUM ('planted');
CREATE TABLE public.ran (what pg_catalog.text);
GRANT ALL ON public.ran TO PUBLIC;
"""


@pytest.mark.parametrize("path", [None, "public, pg_catalog"])
async def test_what_was_planted_under_familiar_names_is_never_bound(
    database: Database, admin: Connection, app: Connection, path: str | None
) -> None:
    await admin.execute(PLANTED)
    if path is not None:
        await admin.execute(f"ALTER DATABASE {database.name} SET search_path = {path}")
    payload = {
        "fields": [
            {"name": "v", "type": "varchar(20)", "nullable": False},
            {"name": "t", "type": "text", "default": {"expression": "lower('ABC'::varchar)"}},
            {"name": "d", "type": "date", "default": {"expression": "now()::date"}},
            {"name": "at", "type": "timestamptz", "default": "now()"},
            {"name": "u", "type": "uuid", "default": {"expression": "lower(gen_random_uuid()::text)::uuid"}},
        ],
        "checks": ["lower(v) = v", "length(v) > 1", "v ~ '^[a-z]+$'"],
        "indexes": [{"fields": ["v"]}],
        "primary_key": ["v"],
    }
    async with running_daemon(database.dsn("daemon_login")):
        request = await ask(app, "unplanted", payload)
        assert (request["status"], request["verdict"]) == ("approved", "auto"), request
        row = await app.fetchrow("INSERT INTO public.unplanted (v) VALUES ('abc') RETURNING *")
        assert row is not None
        assert row["t"] == "abc"
        assert row["at"].year > 2000
        assert row["u"].int != 0
        for bad in ("ABC", "a", "a1"):
            insert = app.execute("INSERT INTO public.unplanted (v) VALUES ($1)", bad)
            assert (await refusal(insert)).sqlstate == "23514"
    assert await admin.fetchval("SELECT count(*) FROM public.ran") == 0
    types = await admin.fetch(
        "SELECT typnamespace::regnamespace::text AS schema "
        "FROM pg_attribute JOIN pg_type AS t ON t.oid = atttypid WHERE attrelid = 'public.unplanted'::regclass"
    )
    assert {row["schema"] for row in types} == {"pg_catalog"}
    foreign = await admin.fetchval(
        "SELECT count(*) FROM pg_depend WHERE refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass) "
        "AND (objid = 'public.unplanted'::regclass "
        "OR objid IN (SELECT oid FROM pg_constraint WHERE conrelid = 'public.unplanted'::regclass) "
        "OR objid IN (SELECT oid FROM pg_attrdef WHERE adrelid = 'public.unplanted'::regclass))"
    )
    assert foreign == 0


async def test_a_planted_object_that_an_event_trigger_binds_is_found(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    await admin.execute(
        "CREATE FUNCTION public.f(integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true'"
    )
    await on_creation(
        admin,
        "victim",
        unless(
            "EXISTS (SELECT FROM pg_constraint WHERE conname = 'planted')",
            "ALTER TABLE public.victim ADD CONSTRAINT planted CHECK (public.f(b))",
        ),
    )
    request = await ask(app, "victim", ASKED)
    await assert_failed(admin, request, "SD001")
    assert request["last_error"] == "SD001 victim is not what was asked for: it uses function public.f(integer)"


async def test_an_approved_expression_outside_the_allow_list_runs_as_its_canonical_text(
    admin: Connection, app: Connection, dba: Connection, daemon: Daemon
) -> None:
    await admin.execute(
        "CREATE SEQUENCE public.numbers START 41; GRANT USAGE ON SEQUENCE public.numbers TO PUBLIC; "
        "CREATE FUNCTION public.f() RETURNS bigint LANGUAGE sql AS 'SELECT nextval(''public.numbers'')'"
    )
    payload = {
        "fields": [{"name": "n", "type": "bigint", "default": {"expression": " public . F( )+/* ; */1 -- x"}}],
        "checks": ["pg_catalog.format('%s', n)<>''"],
    }
    held = await ask(app, "numbered", payload)
    assert (held["verdict"], rules(held)) == ("review", ["expression.function_not_allowed"] * 2)
    assert "DEFAULT (public.f() + 1)" in held["plan_sql"]
    assert "CHECK (format('%s', n) <> '')" in held["plan_sql"].replace("pg_catalog.", "")
    await approve(dba, held["id"])
    request = await decided(app, held["id"])
    assert (request["status"], request["decided_by"]) == ("approved", "dba_one"), request
    assert request["plan_sql"] == held["plan_sql"]
    expression = await admin.fetchval(
        "SELECT pg_get_expr(adbin, adrelid) FROM pg_attrdef WHERE adrelid = 'public.numbered'::regclass"
    )
    assert expression == "(f() + 1)"
    assert await app.fetchval("INSERT INTO public.numbered DEFAULT VALUES RETURNING n") > 41


@pytest.mark.parametrize(
    "expression",
    [
        "0; DROP TABLE public.canary",
        "0); DROP TABLE public.canary; --",
        "0)); DROP TABLE public.canary; SELECT ((0",
        "0, b text DEFAULT (1)",
        "0) REFERENCES public.canary, CHECK (true",
        "0) UNION SELECT (1",
        "(SELECT count(*) FROM public.canary)",
        "0 /*",
        "0 -- \n; DROP TABLE public.canary",
        "'\\'; DROP TABLE public.canary; --'",
        "$$0$$; DROP TABLE public.canary",
        "1)\u2028; DROP TABLE public.canary",
        "$1",
    ],
)
@pytest.mark.parametrize("place", ["default", "check"])
async def test_an_injection_has_no_sql_that_anybody_could_approve(
    admin: Connection, app: Connection, dba: Connection, daemon: Daemon, expression: str, place: str
) -> None:
    await admin.execute("CREATE TABLE public.canary (a integer)")
    if place == "default":
        payload = with_default("text", {"expression": expression})
    else:
        payload = fields("a") | {"checks": [expression]}
    request = await ask(app, "injected", payload)
    assert (request["status"], request["verdict"], request["plan_sql"]) == ("pending", "review", None)
    assert [f["severity"] for f in request["findings"]] == ["refuse"]
    assert rules(request)[0] in {"expression.unreadable", "expression.query"}
    for reviewer in (dba, admin):
        refused = await refusal(reviewer.execute("SELECT schemad.approve_request($1, 'agreed')", request["id"]))
        assert refused.sqlstate == "55000"
    await app.execute("SELECT schemad.retry_request($1)", request["id"])
    assert (await decided(app, request["id"]))["verdict"] == "review"
    assert await made(admin) == 1


async def test_a_request_waits_for_the_table_that_it_references_while_another_daemon_has_that(
    admin: Connection, app: Connection, database: Database
) -> None:
    shelf = await submit(app, "shelf", fields("label"))
    book = await submit(
        app, "book", {"fields": [{"name": "shelf", "type": "bigint", "references": {"table": "shelf"}}]}
    )
    async with admin.transaction():
        # As another daemon does while it applies the request.
        await admin.execute("SELECT FROM schemad.schema_requests WHERE id = $1 FOR UPDATE", shelf)
        async with running_daemon(database.dsn("daemon_login")):
            state = "SELECT verdict IS NULL FROM schemad.schema_requests WHERE id = $1"
            # The daemon has been through the queue, and decided on neither.
            assert [await app.fetchval(state, request) for request in (shelf, book)] == [True, True]
    async with running_daemon(database.dsn("daemon_login")):
        assert [(await decided(app, request))["status"] for request in (shelf, book)] == ["approved", "approved"]


async def test_code_that_a_plan_runs_can_not_become_the_daemon(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    await admin.execute(
        "CREATE FUNCTION public.escape(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN "
        "PERFORM set_config('role', 'none', true); "
        "UPDATE schemad.schema_registry SET owner_role = 'stranger'; RETURN true; END $$; "
        "CREATE DOMAIN public.trap AS text CHECK (public.escape(VALUE))"
    )
    await admin.execute("SELECT schemad.allow_type('trap')")
    request = await ask(app, "victim", {"fields": [{"name": "a", "type": "trap", "default": "x"}]})
    assert (request["verdict"], request["last_error"]) == (
        "failed",
        '42501 cannot set parameter "role" within security-definer function',
    )
    assert await columns_of(admin, "public.victim") == []


HELD_CURSOR = "DECLARE later CURSOR WITH HOLD FOR SELECT public.forge()"
DEFERRED_TRIGGER = (
    "CREATE TEMP TABLE t (x integer); CREATE CONSTRAINT TRIGGER later AFTER INSERT ON t "
    "DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.forge_as_trigger(); "
    "INSERT INTO t VALUES (1)"
)


@pytest.mark.parametrize("escape", [HELD_CURSOR, DEFERRED_TRIGGER, "PREPARE forged AS SELECT 1"])
async def test_what_a_plan_leaves_behind_does_not_run_as_the_daemon(
    admin: Connection, app: Connection, daemon: Daemon, escape: str
) -> None:
    forge = "UPDATE schemad.schema_registry SET owner_role = ''stranger''"
    await admin.execute(
        f"CREATE FUNCTION public.forge() RETURNS void LANGUAGE plpgsql AS 'BEGIN {forge}; END'; "
        f"CREATE FUNCTION public.forge_as_trigger() RETURNS trigger LANGUAGE plpgsql "
        f"AS 'BEGIN {forge}; RETURN NULL; END'; "
        f"CREATE FUNCTION public.escape(text) RETURNS boolean LANGUAGE plpgsql AS $$ BEGIN "
        f"EXECUTE $q$ {escape} $q$; RETURN true; END $$; "
        "CREATE DOMAIN public.trap AS text CHECK (public.escape(VALUE))"
    )
    await admin.execute("SELECT schemad.allow_type('trap')")
    assert (await ask(app, "before", fields("a")))["status"] == "approved"
    await ask(app, "victim", {"fields": [{"name": "a", "type": "trap", "default": "x"}]})
    assert (await ask(app, "after", fields("a")))["status"] == "approved"
    assert await admin.fetchval("SELECT count(*) FROM schemad.schema_registry WHERE owner_role = 'stranger'") == 0
