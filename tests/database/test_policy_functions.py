"""The policy is changed by functions: each checks what it is given, and leaves who changed what."""

import json
from typing import Any

import asyncpg
import pytest

from schemad.policy.rules import all_rules
from schemad.store import Connection
from tests.database.asking import insert, listening, refusal, submit
from tests.support.databases import Database, fields

# Every setting with a value that it takes, as it is shown afterwards, and values that it does not take.
SETTINGS: dict[str, tuple[str, Any, list[tuple[str, str]]]] = {
    "table_schema": ("apps", "apps", [("nowhere", "42704")]),
    "owner_role": ("app_one", "app_one", []),
    "grant_to_requester": ("{SELECT,INSERT}", ["SELECT", "INSERT"], [("{ALL}", "23514"), ("SELECT", "22P02")]),
    "max_fields": ("50", 50, [("0", "23514"), ("1601", "23514"), ("many", "22P02"), ("", "22P02")]),
    "max_indexes": ("0", 0, [("-1", "23514"), ("101", "23514"), ("1.5", "22P02")]),
    "max_referenced_bytes": ("5000000000", 5_000_000_000, [("-1", "23514")]),
    "max_payload_bytes": ("4096", 4096, [("1023", "23514"), ("16777217", "23514")]),
    "max_attempts": ("3", 3, [("0", "23514"), ("1001", "23514")]),
    "requests_per_minute": ("10", 10, [("0", "23514"), ("99999999999", "22003")]),
    "requests_per_minute_and_user": ("10", 10, [("0", "23514")]),
    "pending_requests": ("10", 10, [("0", "23514")]),
    "tables_per_day": ("0", 0, [("-1", "23514")]),
    "tables_in_all": ("100", 100, [("-1", "23514")]),
    "allow_self_approval": ("true", True, [("perhaps", "22P02")]),
    # '90' is 90 seconds to PostgreSQL.
    "keep_logs": ("7 days", "7 days", [("90", "23514"), ("1001 years", "23514"), ("-1 year", "23514")]),
    "keep_delivered": ("P1D", "1 day", [("23:59", "23514"), ("1001 years", "23514"), ("long", "22007")]),
    "keep_undelivered": ("1 year", "1 year", [("0", "23514"), ("1001 years", "23514"), ("", "22007")]),
    "keep_requests": ("3 months", "3 mons", [("1 hour", "23514"), ("1001 years", "23514"), ("3 moons", "22007")]),
    "notify": ("off", False, [("perhaps", "22P02")]),
}
WITHOUT_LIMIT = {
    "owner_role",
    "requests_per_minute",
    "requests_per_minute_and_user",
    "pending_requests",
    "tables_per_day",
    "tables_in_all",
    "keep_logs",
    "keep_delivered",
    "keep_undelivered",
    "keep_requests",
}
# Each way to change the policy, by function and by hand.
CHANGES = [
    "SELECT schemad.set_policy('max_fields', '50')",
    "SELECT schemad.protect_table('orders')",
    "SELECT schemad.unprotect_table('messages')",
    "SELECT schemad.allow_type('uuid', auto => false)",
    "SELECT schemad.disallow_type('uuid')",
    "SELECT schemad.set_rule_severity('limit.fields', 'warn')",
    "UPDATE schemad.policy SET max_fields = 50",
    "INSERT INTO schemad.safe_types (name) VALUES ('money')",
    "UPDATE schemad.safe_types SET auto = false WHERE name = 'uuid'",
    "DELETE FROM schemad.safe_types WHERE name = 'uuid'",
    "INSERT INTO schemad.protected_tables (name) VALUES ('orders')",
    "UPDATE schemad.protected_tables SET name = 'orders' WHERE name = 'messages'",
    "DELETE FROM schemad.protected_tables WHERE name = 'messages'",
    "INSERT INTO schemad.rule_severities (rule, severity) VALUES ('limit.fields', 'warn')",
]
TABLES = ["policy", "safe_types", "protected_tables", "rule_severities"]


async def setting(connection: Connection, name: str) -> Any:
    """A setting of the policy."""
    found = await connection.fetchval("SELECT to_jsonb(p) -> $1 FROM schemad.policy AS p", name)
    return json.loads(found)


async def changes(connection: Connection) -> list[dict[str, Any]]:
    """What policy_changes has, oldest first."""
    rows = await connection.fetch("SELECT * FROM schemad.policy_changes ORDER BY id")
    return [
        {**row, "before": json.loads(row["before"] or "null"), "after": json.loads(row["after"] or "null")}
        for row in rows
    ]


async def type_row(connection: Connection, name: str) -> tuple[Any, ...] | None:
    row = await connection.fetchrow("SELECT auto, catalog_name FROM schemad.safe_types WHERE name = $1", name)
    return None if row is None else tuple(row)


@pytest.mark.parametrize("name", SETTINGS)
async def test_each_setting_takes_what_it_should_and_nothing_else(admin: Connection, name: str) -> None:
    value, shown, bad = SETTINGS[name]
    await admin.execute("CREATE SCHEMA apps")
    before = await setting(admin, name)
    assert before != shown
    for unfit, sqlstate in bad:
        assert (
            await refusal(admin.execute("SELECT schemad.set_policy($1, $2)", name, unfit))
        ).sqlstate == sqlstate
        assert await setting(admin, name) == before
    await admin.execute("SELECT schemad.set_policy($1, $2)", name, value)
    assert await setting(admin, name) == shown


@pytest.mark.parametrize("name", SETTINGS)
async def test_null_takes_a_limit_away_and_is_refused_where_there_is_no_such_thing(
    admin: Connection, name: str
) -> None:
    await admin.execute("CREATE SCHEMA apps")
    await admin.execute("SELECT schemad.set_policy($1, $2)", name, SETTINGS[name][0])
    unset = admin.execute("SELECT schemad.set_policy($1, NULL)", name)
    if name in WITHOUT_LIMIT:
        await unset
        assert await setting(admin, name) is None
    else:
        assert (await refusal(unset)).sqlstate == "23502"
        assert await setting(admin, name) == SETTINGS[name][1]


@pytest.mark.parametrize(
    "name",
    [
        "max_field",
        "MAX_FIELDS",
        "version",
        "is_policy",
        "changed_by",
        "changed_at",
        "",
        None,
        'max_fields" = 1, "x',
        "max_fields = 1; --",
    ],
)
async def test_a_setting_that_there_is_not_is_refused_with_those_that_there_are(
    admin: Connection, name: str | None
) -> None:
    refused = await refusal(admin.execute("SELECT schemad.set_policy($1, '1')", name))
    assert refused.sqlstate == "22023"
    assert refused.message.startswith("the policy has no setting ")
    assert refused.hint == f"Settings: {', '.join(SETTINGS)}."


async def test_every_column_of_the_policy_but_its_stamps_is_a_setting(admin: Connection) -> None:
    columns = await admin.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'schemad.policy'::regclass AND attnum > 0"
    )
    assert {c["attname"] for c in columns} - {"is_policy", "version", "changed_at", "changed_by"} == set(SETTINGS)


async def test_a_value_is_a_value_whatever_it_looks_like(admin: Connection) -> None:
    text = "x'; DROP TABLE schemad.policy; --"
    await admin.execute(f'CREATE SCHEMA "{text}"')
    await admin.execute("SELECT schemad.set_policy('table_schema', $1)", text)
    assert await setting(admin, "table_schema") == text


@pytest.mark.parametrize("name", ["a b", "public.orders", "1st", "o" * 64, "orders\n"])
async def test_a_name_that_no_request_can_have_is_not_protected(admin: Connection, name: str) -> None:
    refused = await refusal(admin.execute("SELECT schemad.protect_table($1)", name))
    assert refused.sqlstate == "42602"
    assert refused.message.endswith("is not a name that a request could have")


async def test_a_protected_name_is_refused_in_any_spelling_until_it_is_not_protected_any_more(
    admin: Connection, app: Connection
) -> None:
    await admin.execute("SELECT schemad.protect_table('Orders', 'billing reads it')")
    row = await admin.fetchrow("SELECT reason, added_by FROM schemad.protected_tables WHERE name = 'orders'")
    assert row is not None
    assert tuple(row) == ("billing reads it", "postgres")
    refused = await refusal(submit(app, "ORDERS", fields("a")))
    assert (refused.sqlstate, refused.message) == ("42939", "'ORDERS' is a protected table")
    await admin.execute("SELECT schemad.unprotect_table('oRDERS')")
    await submit(app, "orders", fields("a"))


async def test_protecting_again_keeps_the_reason_or_takes_a_new_one(admin: Connection) -> None:
    for given, kept in ((None, None), ("one", "one"), (None, "one"), ("two", "two")):
        await admin.execute("SELECT schemad.protect_table('orders', $1)", given)
        assert await admin.fetchval("SELECT reason FROM schemad.protected_tables WHERE name = 'orders'") == kept


@pytest.mark.parametrize("name", ["", None])
async def test_no_name_can_not_be_protected(admin: Connection, name: str | None) -> None:
    refused = await refusal(admin.execute("SELECT schemad.protect_table($1)", name))
    assert (refused.sqlstate, refused.message) == ("22023", "table_name is empty")
    assert refused.hint is not None


@pytest.mark.parametrize("name", ["orders", "", None])
async def test_what_is_not_protected_can_not_be_unprotected(admin: Connection, name: str | None) -> None:
    refused = await refusal(admin.execute("SELECT schemad.unprotect_table($1)", name))
    assert refused.sqlstate == "P0002"
    assert refused.message.endswith(" is not protected")


@pytest.mark.parametrize(
    ("ddl", "given", "name", "catalog_name"),
    [
        ("CREATE TYPE public.mood AS ENUM ('sad', 'ok')", "mood", "mood", "public.mood"),
        ("CREATE TYPE public.mood AS ENUM ('sad', 'ok')", "public.mood", "mood", "public.mood"),
        ("CREATE DOMAIN public.positive AS integer CHECK (VALUE > 0)", "Positive", "positive", "public.positive"),
        ("CREATE SCHEMA app; CREATE DOMAIN app.email AS text", "app.email", "email", "app.email"),
        ('CREATE SCHEMA "App Data"; CREATE TYPE "App Data".mood AS ENUM ()', '"App Data".mood', "mood",
         '"App Data".mood'),
        ("CREATE TYPE public.span AS RANGE (subtype = float8)", "span", "span", "public.span"),
    ],
)  # fmt: skip
async def test_a_type_that_is_not_built_in_is_allowed_once_it_is_there(
    admin: Connection, app: Connection, ddl: str, given: str, name: str, catalog_name: str
) -> None:
    absent = await refusal(admin.execute("SELECT schemad.allow_type('mood_of_the_day')"))
    assert absent.sqlstate == "42704"
    assert absent.message == "there is no type 'mood_of_the_day' in this database"

    await admin.execute(ddl)
    assert (await refusal(submit(app, "notes", fields(a=name)))).sqlstate == "42704"
    await admin.execute("SELECT schemad.allow_type($1)", given)
    assert await type_row(admin, name) == (True, catalog_name)
    await submit(app, "notes", fields(a=name))
    for auto in (False, True):
        await admin.execute("SELECT schemad.allow_type($1, auto => $2)", given, auto)
        assert await type_row(admin, name) == (auto, catalog_name)
    await admin.execute("SELECT schemad.disallow_type($1)", name)
    assert (await refusal(submit(app, "notes", fields(a=name)))).sqlstate == "42704"


async def test_a_built_in_type_is_allowed_by_itself_after_review_or_not_at_all(
    admin: Connection, app: Connection
) -> None:
    await admin.execute("SELECT schemad.allow_type('Character Varying', auto => false)")
    assert await type_row(admin, "varchar") == (False, None)
    await admin.execute("SELECT schemad.allow_type('varchar')")
    assert await type_row(admin, "varchar") == (True, None)
    await admin.execute("SELECT schemad.disallow_type('INT8')")
    refused = await refusal(submit(app, "notes", fields(a="bigint")))
    assert refused.sqlstate == "42704"
    assert "bigint" not in (refused.hint or "")
    again = await refusal(admin.execute("SELECT schemad.disallow_type('bigint')"))
    assert again.message == "'bigint' is not allowed as it is"
    await admin.execute("SELECT schemad.allow_type('bigint')")
    await submit(app, "notes", fields(a="bigint"))


async def test_a_row_that_was_made_by_hand_is_filled_in_by_allow_type(admin: Connection) -> None:
    await admin.execute("CREATE TYPE mood AS ENUM ('ok'); INSERT INTO schemad.safe_types (name) VALUES ('mood')")
    await admin.execute("SELECT schemad.allow_type('mood')")
    assert await type_row(admin, "mood") == (True, "public.mood")


@pytest.mark.parametrize(
    "name",
    [
        "money", "xml", "oid", "regclass", "pg_catalog.int4", "anyelement", "record", "cstring", "name",
        "information_schema.sql_identifier", "integer[]", "mood[]", "pair", "books", '"Mood"', "app.text",
        "app.int8", "other.mood",
    ],
)  # fmt: skip
async def test_a_type_that_no_field_should_have_can_not_be_allowed(admin: Connection, name: str) -> None:
    await admin.execute(
        "CREATE TYPE public.mood AS ENUM (); CREATE TYPE public.pair AS (a integer, b integer); "
        "CREATE TABLE public.books (a integer); CREATE SCHEMA app; CREATE SCHEMA other; "
        'CREATE DOMAIN app.text AS text; CREATE DOMAIN app.int8 AS bigint; CREATE TYPE public."Mood" AS ENUM (); '
        "CREATE TYPE other.mood AS ENUM (); SELECT schemad.allow_type('mood')"
    )
    known = await admin.fetch("SELECT name, auto, catalog_name FROM schemad.safe_types ORDER BY name")
    refused = await refusal(admin.execute("SELECT schemad.allow_type($1)", name))
    assert (refused.sqlstate, refused.message) == ("0A000", f"'{name}' can't be allowed")
    assert refused.hint is not None
    assert await admin.fetch("SELECT name, auto, catalog_name FROM schemad.safe_types ORDER BY name") == known


@pytest.mark.parametrize(("schema", "is_allowed"), [("s" * 57, True), ("s" * 58, False)])
async def test_a_type_whose_name_no_field_can_be_recorded_with_can_not_be_allowed(
    admin: Connection, schema: str, is_allowed: bool
) -> None:
    await admin.execute(f"CREATE SCHEMA {schema}; CREATE TYPE {schema}.mood AS ENUM ()")
    allow = admin.execute("SELECT schemad.allow_type($1)", f"{schema}.mood")
    if is_allowed:
        await allow
        return
    refused = await refusal(allow)
    assert (refused.sqlstate, refused.detail) == (
        "42622",
        f"{schema}.mood has 63 characters, and 62 are the most.",
    )
    assert await type_row(admin, "mood") is None


async def test_a_type_is_known_by_the_same_name_where_the_database_quotes_all_names(admin: Connection) -> None:
    await admin.execute("CREATE TYPE public.mood AS ENUM (); SET quote_all_identifiers = on")
    await admin.execute("SELECT schemad.allow_type('mood')")
    assert await type_row(admin, "mood") == (True, "public.mood")


@pytest.mark.parametrize("name", ["", "tixt", "public.tixt", "nowhere.mood", None])
async def test_a_type_that_there_is_not_can_not_be_allowed_nor_disallowed(
    admin: Connection, name: str | None
) -> None:
    assert (await refusal(admin.execute("SELECT schemad.allow_type($1)", name))).sqlstate in {"42704", "42601"}
    refused = await refusal(admin.execute("SELECT schemad.disallow_type($1)", name))
    assert refused.sqlstate == "P0002"
    assert refused.message.endswith(" is not allowed as it is")


async def test_the_rules_that_the_database_adjusts_are_those_that_the_daemon_adjusts(admin: Connection) -> None:
    for rule in all_rules().values():
        for severity in ("refuse", "review", "warn"):
            call = admin.execute("SELECT schemad.set_rule_severity($1, $2)", rule.id, severity)
            if rule.adjustable:
                await call
                assert await admin.fetchval("SELECT severity FROM schemad.rule_severities") == severity
            else:
                refused = await refusal(call)
                assert refused.sqlstate == "22023"
                assert refused.message == f"rule '{rule.id}' can't have another severity"
        if rule.adjustable:
            await admin.execute("SELECT schemad.set_rule_severity($1, NULL)", rule.id)
        assert await admin.fetchval("SELECT count(*) FROM schemad.rule_severities") == 0, rule.id


@pytest.mark.parametrize(
    ("rule", "severity"), [("limit.fields", "off"), ("limit.fields", ""), ("no.such_rule", "warn"), (None, "warn")]
)
async def test_a_severity_or_rule_that_there_is_not_is_refused(
    admin: Connection, rule: str | None, severity: str
) -> None:
    refused = await refusal(admin.execute("SELECT schemad.set_rule_severity($1, $2)", rule, severity))
    assert refused.sqlstate == "22023"
    adjustable = [r.id for r in all_rules().values() if r.adjustable]
    wanted = "refuse, review or warn" if rule == "limit.fields" else ", ".join(adjustable)
    assert refused.hint is not None
    assert wanted in refused.hint


async def test_each_change_is_kept_with_who_made_it_and_what_was_before_and_after(admin: Connection) -> None:
    await admin.execute("CREATE ROLE policy_dba SUPERUSER; SET ROLE policy_dba")
    try:
        await admin.execute(
            "SELECT schemad.set_policy('max_fields', '50'); SELECT schemad.protect_table('orders', 'why'); "
            "SELECT schemad.unprotect_table('orders'); SELECT schemad.allow_type('uuid', auto => false); "
            "SELECT schemad.disallow_type('uuid'); SELECT schemad.set_rule_severity('limit.fields', 'warn'); "
            "SELECT schemad.set_rule_severity('limit.fields', NULL)"
        )
    finally:
        await admin.execute("RESET ROLE")
        await admin.execute("DROP OWNED BY policy_dba; DROP ROLE policy_dba")
    kept = await changes(admin)
    assert {(c["changed_by"], c["login"]) for c in kept} == {("policy_dba", "postgres")}
    assert [c["id"] for c in kept] == sorted(c["id"] for c in kept)
    policy, protected, unprotected, reviewed, disallowed, warned, reset = kept
    assert (policy["table_name"], policy["operation"]) == ("policy", "update")
    assert (policy["before"]["max_fields"], policy["after"]["max_fields"]) == (100, 50)
    for change, table, operation in (
        (protected, "protected_tables", "insert"),
        (unprotected, "protected_tables", "delete"),
        (reviewed, "safe_types", "update"),
        (disallowed, "safe_types", "update"),
        (warned, "rule_severities", "insert"),
        (reset, "rule_severities", "delete"),
    ):
        assert (change["table_name"], change["operation"]) == (table, operation)
        assert (change["before"] is None) == (operation == "insert")
        assert (change["after"] is None) == (operation == "delete")
    assert (protected["after"]["name"], protected["after"]["reason"]) == ("orders", "why")
    assert protected["after"]["added_by"] == "policy_dba"
    assert unprotected["before"] == protected["after"]
    assert (reviewed["before"]["auto"], reviewed["after"]["auto"]) == (True, False)
    assert disallowed["before"] == reviewed["after"]
    assert (warned["after"]["severity"], warned["after"]["changed_by"]) == ("warn", "policy_dba")


@pytest.mark.parametrize("change", CHANGES)
async def test_each_change_is_one_entry_a_new_version_and_one_wake_up(
    database: Database, admin: Connection, change: str
) -> None:
    version = await setting(admin, "version")
    async with listening(database, "schemad_requests") as so_far:
        await admin.execute(change)
        assert await so_far() == [""]
    assert await setting(admin, "version") > version
    assert await setting(admin, "changed_by") == "postgres"
    assert len(await changes(admin)) == 1


async def test_a_change_that_is_rolled_back_was_none(database: Database, admin: Connection) -> None:
    before = await setting(admin, "version")
    async with listening(database, "schemad_requests") as so_far:
        transaction = admin.transaction()
        await transaction.start()
        await admin.execute("SELECT schemad.set_policy('max_fields', '50')")
        await transaction.rollback()
        assert await so_far() == []
    assert (await setting(admin, "version"), await setting(admin, "max_fields")) == (before, 100)
    assert await changes(admin) == []


async def test_the_version_only_grows_whatever_somebody_writes_there(admin: Connection) -> None:
    before = await setting(admin, "version")
    await admin.execute("UPDATE schemad.policy SET version = 1, changed_by = 'nobody', max_fields = 50")
    assert await setting(admin, "version") == before + 1
    assert await setting(admin, "changed_by") == "postgres"


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE schemad.policy_changes SET changed_by = 'nobody'",
        "UPDATE schemad.policy_changes SET changed_by = 'nobody' WHERE false",
        "DELETE FROM schemad.policy_changes",
        "TRUNCATE schemad.policy_changes",
    ],
)
async def test_what_is_kept_of_changes_only_grows_even_for_a_superuser(admin: Connection, change: str) -> None:
    await admin.execute("SELECT schemad.set_policy('max_fields', '50')")
    refused = await refusal(admin.execute(change))
    assert refused.sqlstate == "55000"
    assert refused.message.endswith(": rows are only ever added")
    assert [c["changed_by"] for c in await changes(admin)] == ["postgres"]


@pytest.mark.parametrize("table", TABLES)
async def test_no_table_of_the_policy_can_be_emptied_unseen(admin: Connection, table: str) -> None:
    refused = await refusal(admin.execute(f"TRUNCATE schemad.{table}"))
    assert refused.sqlstate == "0A000"
    assert refused.hint == f"DELETE FROM schemad.{table} does."


@pytest.mark.parametrize("login", ["app_one", "dba_one", "daemon_login", "stranger"])
async def test_nobody_whom_the_policy_is_about_can_change_it(
    database: Database, admin: Connection, login: str
) -> None:
    before = await admin.fetchval("SELECT to_jsonb(p)::text FROM schemad.policy AS p")
    async with database.connection(login) as connection:
        for change in [
            *CHANGES,
            *(f"TRUNCATE schemad.{table}" for table in TABLES),
            "INSERT INTO schemad.policy_changes (changed_by, table_name, operation) VALUES ('a', 'b', 'c')",
            "ALTER TABLE schemad.policy DISABLE TRIGGER ALL",
            "DROP TRIGGER stamp_policy ON schemad.policy",
        ]:
            assert (await refusal(connection.execute(change))).sqlstate == "42501", change
    assert await admin.fetchval("SELECT to_jsonb(p)::text FROM schemad.policy AS p") == before
    assert await changes(admin) == []


# Requests that submit refuses, each for one reason.
UNSOUND: dict[str, tuple[str | None, Any]] = {
    "name.invalid": ("a-b", fields("a")),
    "name.too_long": ("x" * 64, fields("a")),
    "name.system": ("pg_a", fields("a")),
    "name.reserved": ("Order", fields("a")),
    "name.protected": ("Messages", fields("a")),
    "payload.not_object": ("t", []),
    "payload.too_large": ("t", fields("a") | {"description": "x" * 300_000}),
    "payload.unknown_key": ("t", fields("a") | {"colour": "red"}),
    "payload.wrong_type": ("t", fields("a") | {"description": 1}),
    "payload.action_unknown": ("t", {"action": "rename"}),
    "payload.no_fields": ("t", {}),
    "payload.too_many_fields": ("t", {"fields": [{"name": f"f{n}", "type": "text"} for n in range(1601)]}),
    "field.not_object": ("t", {"fields": ["a"]}),
    "field.name_missing": ("t", {"fields": [{"type": "text"}]}),
    "field.type_missing": ("t", {"fields": [{"name": "a"}]}),
    "field.duplicate": ("t", fields("a", "A")),
    "type.malformed": ("t", fields(a="varchar(10)) ; DROP TABLE x; --")),
    "type.unknown": ("t", fields(a="money")),
    "type.modifier": ("t", fields(a="varchar(0)")),
}


async def preview(connection: Connection, name: str | None, payload: Any) -> list[dict[str, Any]]:
    rows = await connection.fetch("SELECT * FROM schemad.preview_request($1, $2)", name, json.dumps(payload))
    return [dict(row) for row in rows]


@pytest.mark.parametrize("rule", UNSOUND)
async def test_a_preview_says_what_submit_would_raise(app: Connection, rule: str) -> None:
    name, payload = UNSOUND[rule]
    refused = await refusal(submit(app, name, payload))
    (found,) = await preview(app, name, payload)
    assert (found["rule"], found["severity"]) == (rule, "refuse")
    assert (found["message"], found["hint"]) == (refused.message, refused.hint)
    assert refused.detail is not None
    assert refused.detail.startswith(f"Rule {rule}, ")


@pytest.mark.parametrize("name", ["", None])
async def test_a_preview_of_nothing_says_so(app: Connection, name: str | None) -> None:
    assert [f["rule"] for f in await preview(app, name, fields("a"))] == ["name.invalid"]
    rows = await app.fetch("SELECT rule FROM schemad.preview_request('t', NULL)")
    assert [row["rule"] for row in rows] == ["payload.not_object"]


@pytest.mark.parametrize("payload", [fields("a"), fields("a", n="varchar(5)[]") | {"primary_key": ["a"]}])
async def test_a_preview_has_nothing_to_say_of_a_sound_request(app: Connection, payload: Any) -> None:
    assert await preview(app, "notes", payload) == []


@pytest.mark.parametrize("action", ["deprecate", "restore", "drop"])
async def test_a_preview_takes_any_payload_that_submit_takes(app: Connection, action: str) -> None:
    for other in ({}, {"fields": {"a": 1}}, {"fields": "x"}, {"fields": [1, {"type": 5}]}, {"fields": None}):
        await submit(app, "notes", {"action": action} | other)
        assert [f["rule"] for f in await preview(app, "notes", {"action": action} | other)] == ["table.unknown"]


@pytest.mark.parametrize(
    "ddl",
    [
        "CREATE TABLE public.notes (secret_column integer)",
        "CREATE VIEW public.notes AS SELECT 1 AS secret_column",
        "CREATE SEQUENCE public.notes",
        "CREATE TYPE public.notes AS ENUM ('secret_column')",
        "CREATE TABLE public.other (secret_column integer); CREATE INDEX notes ON public.other (secret_column)",
    ],
)
async def test_a_preview_says_that_a_name_is_taken_and_not_by_what(
    admin: Connection, app: Connection, ddl: str
) -> None:
    await admin.execute(ddl)
    (found,) = await preview(app, "Notes", fields("secret_column"))
    assert (found["rule"], found["severity"], found["field"]) == ("table.taken", "refuse", None)
    assert found["message"] == "notes is already the name of something that schemad did not make"
    assert "secret" not in str(found)


async def registered(admin: Connection, role: str, *, is_active: bool = True) -> None:
    """A table notes that schemad made for a role."""
    await admin.execute("CREATE TABLE public.notes (secret_column integer)")
    await admin.execute(
        "INSERT INTO schemad.schema_registry (name, owner_role, is_active) VALUES ('notes', $1, $2)",
        role,
        is_active,
    )


async def test_a_preview_of_another_role_s_table_says_whose_it_is_not_and_nothing_of_what_it_has(
    admin: Connection, app: Connection
) -> None:
    await registered(admin, "app_two")
    answers = [await preview(app, "notes", fields(n)) for n in ("secret_column", "other")]
    assert answers[0] == answers[1]
    (found,) = answers[0]
    assert (found["rule"], found["severity"]) == ("table.another_role", "review")
    assert "app_two" not in str(found)


async def test_a_preview_of_one_s_own_deprecated_table_says_that_it_is_to_be_restored_first(
    admin: Connection, app: Connection
) -> None:
    await registered(admin, "app_one", is_active=False)
    assert [f["rule"] for f in await preview(app, "notes", fields("a"))] == ["table.deprecated"]
    assert await preview(app, "notes", {"action": "restore"}) == []


async def test_a_preview_tells_limits_and_types_that_wait(admin: Connection, app: Connection) -> None:
    await admin.execute(
        "SELECT schemad.set_policy('max_fields', '2'), schemad.allow_type('varchar', auto => false), "
        "schemad.allow_type('timestamptz', auto => false)"
    )
    payload = fields("a", b="Character  Varying ( 10 ) []", c="timestamp(3) with time zone", d="timestamp")
    assert [(f["rule"], f["severity"], f["field"]) for f in await preview(app, "notes", payload)] == [
        ("limit.fields", "review", None),
        ("type.not_safe", "review", "b"),
        ("type.not_safe", "review", "c"),
    ]


async def test_a_preview_writes_nothing_and_wakes_nobody(database: Database, app: Connection) -> None:
    async with listening(database, "schemad_requests") as so_far:
        async with app.transaction(readonly=True):
            for name, payload in [("notes", fields("a")), *UNSOUND.values()]:
                await preview(app, name, payload)
            assert await app.fetchval("SELECT pg_current_xact_id_if_assigned() IS NULL")
        assert await so_far() == []
    assert await app.fetchval("SELECT count(*) FROM schemad.schema_requests") == 0
    await insert(app, "notes", fields("a"))


async def test_a_stranger_can_not_preview(database: Database) -> None:
    async with database.connection("stranger") as stranger:
        assert (await refusal(preview(stranger, "notes", fields("a")))).sqlstate == "42501"


async def test_a_type_that_a_requester_owns_can_not_be_allowed(admin: Connection) -> None:
    await admin.execute("CREATE DOMAIN public.theirs AS text")
    await admin.execute("ALTER DOMAIN public.theirs OWNER TO app_one")
    with pytest.raises(asyncpg.FeatureNotSupportedError, match="a requester may act as its owner") as caught:
        await admin.execute("SELECT schemad.allow_type('theirs')")
    assert caught.value.detail == "app_one could give it other checks later."
    assert "ALTER TYPE public.theirs OWNER TO" in (caught.value.hint or "")


async def test_a_type_that_a_requester_may_act_as_the_owner_of_can_not_be_allowed(admin: Connection) -> None:
    await admin.execute("CREATE ROLE team; CREATE ROLE mate; GRANT team, schemad_requester TO mate")
    await admin.execute("CREATE DOMAIN public.shared AS text; ALTER DOMAIN public.shared OWNER TO team")
    try:
        refused = await refusal(admin.execute("SELECT schemad.allow_type('shared')"))
        assert (refused.sqlstate, refused.detail) == ("0A000", "mate could give it other checks later.")
        await admin.execute("REVOKE team FROM mate")
        await admin.execute("SELECT schemad.allow_type('shared', false)")
        # What it may be used for is looked at anew when it may be used for more.
        await admin.execute("GRANT team TO mate")
        refused = await refusal(admin.execute("SELECT schemad.allow_type('shared', true)"))
        assert (refused.sqlstate, refused.detail) == ("0A000", "mate could give it other checks later.")
        await admin.execute("SELECT schemad.allow_type('public.shared', false)")
        # A DBA who made both roles administers them, and is no requester by that.
        if admin.get_server_version().major >= 16:
            await admin.execute("REVOKE team, schemad_requester FROM mate")
            administers = "WITH ADMIN OPTION, INHERIT FALSE, SET FALSE"
            await admin.execute(f"GRANT team, schemad_requester TO mate {administers}")
            await admin.execute("SELECT schemad.allow_type('shared', true)")
    finally:
        await admin.execute("DROP DOMAIN public.shared; DROP ROLE team; DROP ROLE mate")


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("table_schema", "schemad"),
        ("table_schema", "pg_catalog"),
        ("table_schema", "pg_toast"),
        ("table_schema", "information_schema"),
        ("owner_role", "postgres"),
    ],
)
async def test_tables_can_not_go_where_they_would_be_somebody_else_s(
    admin: Connection, setting: str, value: str
) -> None:
    refused = await refusal(admin.execute("SELECT schemad.set_policy($1, $2)", setting, value))
    assert (refused.sqlstate, refused.message) == ("22023", f"{setting} can't be '{value}'")


async def test_tables_belong_to_nobody_who_may_act_as_the_owner_of_the_schema(admin: Connection) -> None:
    await admin.execute("CREATE ROLE schema_owner; CREATE ROLE deputy; GRANT schema_owner TO deputy")
    await admin.execute("GRANT ALL ON schemad.policy, schemad.policy_changes TO schema_owner")
    try:
        await admin.execute("ALTER SCHEMA schemad OWNER TO schema_owner")
        for role in ("schema_owner", "deputy"):
            for change in (
                "SELECT schemad.set_policy('owner_role', $1)",
                "UPDATE schemad.policy SET owner_role = $1",
            ):
                refused = await refusal(admin.execute(change, role))
                assert (refused.sqlstate, refused.message) == ("22023", f"owner_role can't be '{role}'")
        await admin.execute("UPDATE schemad.policy SET owner_role = 'schemad_owner', max_fields = 7")
    finally:
        await admin.execute("ALTER SCHEMA schemad OWNER TO postgres")
        await admin.execute("DROP OWNED BY schema_owner; DROP ROLE deputy; DROP ROLE schema_owner")


@pytest.mark.parametrize("value", ["{TRIGGER}", "{SELECT,trigger}"])
async def test_requesters_get_no_triggers_as_those_would_run_as_the_owner_of_all_tables(
    admin: Connection, value: str
) -> None:
    refused = await refusal(admin.execute("SELECT schemad.set_policy('grant_to_requester', $1)", value))
    assert (refused.sqlstate, refused.message) == ("22023", "grant_to_requester can't have TRIGGER")


async def test_what_is_out_of_range_is_told_with_the_range(admin: Connection) -> None:
    refused = await refusal(admin.execute("SELECT schemad.set_policy('max_fields', '5000')"))
    assert refused.message == "max_fields can't be '5000'"
    assert (refused.hint or "").endswith("It has to be so: max_fields >= 1 AND max_fields <= 1600.")
