"""`schemad policy`: what counts as low-risk, shown and changed from the command line."""

import re

import pytest

from schemad.policy.rules import all_rules
from schemad.store import Connection
from tests.cli.program import EXIT_BAD_INPUT, EXIT_FAILED, Run, schemad_beside
from tests.support.databases import Database
from tests.support.servers import server_names

# What is told here does not depend on the server's version.
pytestmark = pytest.mark.parametrize("server", server_names()[-1:], indirect=True, scope="session")

VERBS = ("show", "set", "protect", "unprotect", "allow-type", "disallow-type", "severity")


async def policy(database: Database, *arguments: object, user: str | None = None) -> Run:
    return await schemad_beside("policy", *arguments, dsn=database.dsn(user))


async def done(database: Database, *arguments: object) -> str:
    """What a change that works prints: one line."""
    run = await policy(database, *arguments)
    assert (run.code, run.err) == (0, "")
    assert run.out.endswith("\n")
    return run.out.removesuffix("\n")


async def failed(database: Database, *arguments: object, user: str | None = None, code: int = EXIT_FAILED) -> str:
    """What a change that does not work tells; nothing of it on standard output."""
    run = await policy(database, *arguments, user=user)
    assert (run.code, run.out) == (code, "")
    assert run.err.startswith("schemad: ")
    return run.err


async def test_without_a_verb_it_lists_its_verbs(database: Database) -> None:
    run = await policy(database)
    assert re.findall(r"^  ([a-z][a-z-]*)  ", run.out + run.err, re.MULTILINE) == list(VERBS)


async def test_show_tells_each_setting_type_and_name(database: Database, admin: Connection) -> None:
    shown = await done(database, "show")
    for row in await admin.fetch(
        "SELECT key, value #>> '{}' AS value FROM schemad.policy AS p, "
        "jsonb_each(to_jsonb(p) - '{is_policy,changed_at,grant_to_requester}'::text[])"
    ):
        value = "no limit" if row["value"] is None else row["value"].capitalize()
        line = next(line for line in shown.splitlines() if line.split()[:1] == [row["key"]])
        assert line.split(None, 1)[1].strip().lower() == value.lower()
    assert "SELECT, INSERT, UPDATE, DELETE" in shown
    assert "types after review: none" in shown
    assert "documents, messages, queries, schema_registry, schema_requests, user_profiles" in shown
    assert "changed severities: none" in shown


async def test_show_has_a_line_for_each_setting_and_calls_no_owner_a_limit(
    database: Database, admin: Connection
) -> None:
    lines = len((await done(database, "show")).splitlines())
    all_of_them = "SELECT, INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES"
    await done(database, "set", "grant_to_requester", f"{{{all_of_them}}}")
    await done(database, "set", "owner_role", "none")
    shown = (await done(database, "show")).splitlines()
    assert len(shown) == lines
    assert [line.split(None, 1)[1].strip() for line in shown if re.match(" (owner_role|grant_to_r)", line)] == [
        "none",
        all_of_them,
    ]


async def test_show_tells_programs_the_same_as_json(database: Database, admin: Connection) -> None:
    await admin.execute(
        "SELECT schemad.allow_type('uuid', auto => false), schemad.protect_table('orders', 'why'), "
        "schemad.set_rule_severity('limit.fields', 'warn')"
    )
    run = await policy(database, "show", "--json")
    assert (run.code, run.err) == (0, "")
    found = run.json
    assert found.keys() == {"policy", "types", "protected_tables", "severities"}
    assert (found["policy"]["max_fields"], found["policy"]["tables_per_day"]) == (100, None)
    assert (found["types"]["uuid"], found["types"]["text"]) == ("review", "auto")
    assert found["protected_tables"]["orders"] == "why"
    assert found["severities"] == {"limit.fields": "warn"}
    shown = await done(database, "show")
    assert "types after review: uuid" in shown
    assert "changed severities: limit.fields (warn)" in shown


async def test_a_policy_with_nothing_in_its_lists_is_shown_as_such(database: Database, admin: Connection) -> None:
    await admin.execute("DELETE FROM schemad.protected_tables; DELETE FROM schemad.safe_types")
    shown = await done(database, "show")
    assert "protected tables: none" in shown
    assert "types by themselves: none" in shown
    run = await policy(database, "show", "--json")
    assert (run.json["types"], run.json["protected_tables"]) == ({}, {})


@pytest.mark.parametrize("login", ["app_one", "dba_one", "daemon_login"])
async def test_everybody_who_asks_or_reviews_may_look_and_not_change(database: Database, login: str) -> None:
    run = await policy(database, "show", user=login)
    assert (run.code, run.err) == (0, "")
    for change in (
        ("set", "max_fields", "5"),
        ("protect", "orders"),
        ("unprotect", "messages"),
        ("allow-type", "uuid"),
        ("disallow-type", "uuid"),
        ("severity", "limit.fields", "warn"),
    ):
        assert "permission denied" in await failed(database, *change, user=login)


async def test_set_changes_a_setting_and_none_takes_a_limit_away(database: Database, admin: Connection) -> None:
    assert await done(database, "set", "tables_per_day", "20") == "tables_per_day = 20"
    assert await admin.fetchval("SELECT tables_per_day FROM schemad.policy") == 20
    assert await done(database, "set", "tables_per_day", "none") == "tables_per_day = none"
    assert await admin.fetchval("SELECT tables_per_day FROM schemad.policy") is None


async def test_set_tells_what_is_wrong_with_a_setting_or_its_value(database: Database) -> None:
    async def refused(setting: str, value: str) -> str:
        return await failed(database, "set", setting, value, code=EXIT_BAD_INPUT)

    unknown = await refused("max_feilds", "5")
    assert "the policy has no setting 'max_feilds'" in unknown
    assert "hint: Settings: table_schema, owner_role, " in unknown
    assert 'invalid input syntax for type integer: "many"' in await refused("max_fields", "many")
    assert "violates check constraint" in await refused("max_fields", "0")
    assert "null value" in await refused("max_fields", "none")


async def test_protect_and_unprotect_a_name(database: Database, admin: Connection) -> None:
    assert (
        await done(database, "protect", "Orders", "--reason", "billing [b]reads[/b] it") == "Orders is protected"
    )
    reason = await admin.fetchval("SELECT reason FROM schemad.protected_tables WHERE name = 'orders'")
    assert reason == "billing [b]reads[/b] it"
    assert await done(database, "unprotect", "ORDERS") == "ORDERS is not protected any more"
    assert "'a b'" in await failed(database, "protect", "a b", code=EXIT_BAD_INPUT)
    again = await failed(database, "unprotect", "orders")
    assert "'orders' is not protected" in again
    assert "hint: SELECT name FROM schemad.protected_tables" in again


async def test_allow_and_disallow_a_type(database: Database, admin: Connection) -> None:
    await admin.execute("CREATE SCHEMA app; CREATE TYPE app.mood AS ENUM ('ok')")
    in_schema = "SELECT auto FROM schemad.safe_types WHERE name = 'mood' AND catalog_name = 'app.mood'"
    assert await done(database, "allow-type", "app.mood", "--review") == "app.mood: after review"
    assert await admin.fetchval(in_schema) is False
    assert await done(database, "allow-type", "app.mood") == "app.mood: by itself"
    assert await admin.fetchval(in_schema) is True
    assert await done(database, "disallow-type", "mood") == "mood is refused from now on"
    assert await admin.fetchval(in_schema) is None
    assert "is not allowed as it is" in await failed(database, "disallow-type", "mood")
    assert "there is no type 'citext_2'" in await failed(database, "allow-type", "citext_2")
    assert "'money' can't be allowed" in await failed(database, "allow-type", "money")


async def test_severity_changes_a_rule_and_default_gives_it_its_own_back(
    database: Database, admin: Connection
) -> None:
    assert await done(database, "severity", "limit.fields", "warn") == "limit.fields: warn"
    assert await admin.fetchval("SELECT severity FROM schemad.rule_severities") == "warn"
    assert await done(database, "severity", "limit.fields", "default") == "limit.fields: default"
    assert await admin.fetchval("SELECT count(*) FROM schemad.rule_severities") == 0
    wrong = await policy(database, "severity", "limit.fields", "off")
    assert (wrong.code, wrong.out) == (EXIT_BAD_INPUT, "")
    assert "'off' is not one of 'refuse', 'review', 'warn', 'default'" in wrong.err
    fixed = await failed(database, "severity", "name.protected", "warn", code=EXIT_BAD_INPUT)
    assert "rule 'name.protected' can't have another severity" in fixed
    assert f"hint: It can for {', '.join(r.id for r in all_rules().values() if r.adjustable)}." in fixed


async def test_a_change_is_kept_with_the_login_that_made_it(database: Database, admin: Connection) -> None:
    await done(database, "set", "max_fields", "5")
    kept = await admin.fetch("SELECT changed_by, login, table_name FROM schemad.policy_changes")
    assert [tuple(row) for row in kept] == [("postgres", "postgres", "policy")]


@pytest.mark.parametrize("arguments", [("set",), ("set", "max_fields"), ("severity", "a"), ("protect",), ("sow",)])
async def test_a_command_line_that_lacks_something_is_bad_input(
    database: Database, arguments: tuple[str, ...]
) -> None:
    run = await policy(database, *arguments)
    assert (run.code, run.out) == (EXIT_BAD_INPUT, "")
    assert "Usage: schemad policy" in run.err
