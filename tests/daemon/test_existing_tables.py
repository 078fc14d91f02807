"""Requests for names that are there already: schemad's own tables are changed, all else is left alone."""

import json
from typing import Any

import asyncpg
import pytest

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.support.databases import Database, fields
from tests.support.requests import ask, columns_of, decided, rules

# Whatever shares its name with tables, by kind.
OTHERS = {
    "table": "CREATE TABLE public.{name} (x integer)",
    "view": "CREATE VIEW public.{name} AS SELECT 1 AS x",
    "materialized view": "CREATE MATERIALIZED VIEW public.{name} AS SELECT 1 AS x",
    "partitioned table": "CREATE TABLE public.{name} (x integer) PARTITION BY LIST (x)",
    "sequence": "CREATE SEQUENCE public.{name}",
    "composite type": "CREATE TYPE public.{name} AS (x integer)",
    "index": "CREATE TABLE public.other (x integer); CREATE INDEX {name} ON public.other (x)",
    "type": "CREATE TYPE public.{name} AS ENUM ('x')",
}


async def approve(reviewer: Connection, request: dict[str, Any]) -> dict[str, Any]:
    await reviewer.fetchval("SELECT schemad.approve_request($1, 'agreed')", request["id"])
    return await decided(reviewer, request["id"])


async def test_a_name_that_something_else_has_is_held_and_nothing_is_touched(
    admin: Connection, app: Connection, dba: Connection, daemon: Daemon
) -> None:
    names = {kind: f"a_{kind.replace(' ', '_')}" for kind in OTHERS}
    for kind, name in names.items():
        await admin.execute(OTHERS[kind].format(name=name))
    catalog = (
        "SELECT (SELECT json_agg(c ORDER BY c.oid) FROM pg_class AS c WHERE c.relnamespace = n.oid)::text, "
        "(SELECT json_agg(t ORDER BY t.oid) FROM pg_type AS t WHERE t.typnamespace = n.oid)::text "
        "FROM pg_namespace AS n WHERE n.nspname = 'public'"
    )
    before = await admin.fetchrow(catalog)
    for kind, name in names.items():
        held = await ask(app, name, fields("x"))
        assert (held["status"], held["verdict"], rules(held)) == ("pending", "review", ["table.taken"])
        assert held["findings"][0]["message"] == f"{name} is already the name of a {kind}"
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
            await approve(dba, held)
    assert await admin.fetchrow(catalog) == before
    assert await admin.fetchval("SELECT count(*) FROM schemad.schema_registry") == 0


async def test_the_same_request_again_changes_nothing(admin: Connection, app: Connection, daemon: Daemon) -> None:
    payload = fields("a", n="integer") | {"unique": [["a", "n"]], "indexes": [{"fields": ["n"]}]}
    first = await ask(app, "notes", payload)
    again = await ask(app, "notes", payload)
    part = await ask(app, "NOTES", fields("a"))
    assert [r["status"] for r in (first, again, part)] == ["approved"] * 3
    assert (again["plan_sql"], again["findings"]) == ("", [])
    assert await admin.fetchval("SELECT max(version) FROM schemad.schema_registry") == 1
    log = await admin.fetch("SELECT action, details ->> 'operation' FROM schemad.auto_create_log ORDER BY id")
    assert [tuple(row) for row in log] == [("created", "create_table")] + [("skipped", "no_change")] * 2


async def test_another_role_s_table_is_not_changed_without_a_person(
    database: Database, admin: Connection, app: Connection, dba: Connection, daemon: Daemon
) -> None:
    await ask(app, "notes", fields("a"))
    async with database.connection("app_two") as other:
        held = await ask(other, "notes", fields("a", "b"))
        assert (held["verdict"], rules(held)) == ("review", ["table.another_role"])
        assert await columns_of(admin, "public.notes") == ["id", "a"]
        assert (await approve(dba, held))["status"] == "approved"
    assert await columns_of(admin, "public.notes") == ["id", "a", "b"]
    assert await admin.fetchval("SELECT owner_role FROM schemad.schema_registry") == "app_one"


async def test_a_filled_table_gets_what_costs_it_little_at_once(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    await ask(app, "notes", fields("a"))
    await app.execute("INSERT INTO notes (a) VALUES ('old')")
    filenode = "SELECT pg_relation_filenode('public.notes')"
    before = await admin.fetchval(filenode)
    new = [
        {"name": "plain", "type": "text", "description": "May be missing."},
        {"name": "state", "type": "text", "nullable": False, "default": "open"},
        {"name": "since", "type": "timestamptz", "default": "now()"},
        {"name": "key", "type": "uuid", "default": "gen_random_uuid()"},
    ]
    request = await ask(app, "notes", {"fields": new})
    assert (request["status"], request["findings"]) == ("approved", [])
    await app.execute("INSERT INTO notes (a) VALUES ('new')")
    rows = await app.fetch(
        "SELECT a, plain, state, since IS NOT NULL AS since, key IS NOT NULL AS key FROM notes ORDER BY id"
    )
    # A default that differs by row is for rows to come: to fill the old ones would rewrite the table.
    assert [tuple(r) for r in rows] == [
        ("old", None, "open", True, False),
        ("new", None, "open", True, True),
    ]
    assert await admin.fetchval(filenode) == before
    versions = await admin.fetch("SELECT operation, fields::text FROM schemad.schema_versions ORDER BY version")
    assert [v["operation"] for v in versions] == ["create_table", "add_fields"]
    described = await app.fetch("SELECT field_name, version FROM schemad.describe_schema('notes')")
    assert [tuple(d) for d in described] == [(n, 2) for n in ("id", "a", "plain", "state", "since", "key")]


@pytest.mark.parametrize(
    ("payload", "rule", "can_be_approved"),
    [
        ({"fields": [{"name": "n", "type": "integer", "nullable": False}]}, "field.not_null", False),
        ({"fields": [{"name": "a", "type": "integer"}]}, "field.conflict", False),
        ({"fields": [{"name": "a", "type": "text", "nullable": False}]}, "field.conflict", False),
        ({"fields": [{"name": "n", "type": "serial"}]}, "field.rewrite", True),
        ({"fields": [{"name": "a", "type": "text", "unique": True}]}, "key.on_filled_table", True),
        (fields("a") | {"indexes": [{"fields": ["a"]}]}, "key.on_filled_table", True),
        (fields("a") | {"checks": ["a <> ''"]}, "key.on_filled_table", True),
    ],
)
async def test_a_filled_table_is_not_changed_at_once_where_that_costs_or_breaks_something(
    admin: Connection,
    app: Connection,
    dba: Connection,
    daemon: Daemon,
    payload: dict[str, Any],
    rule: str,
    can_be_approved: bool,
) -> None:
    await ask(app, "notes", fields("a"))
    await app.execute("INSERT INTO notes (a) VALUES ('old')")
    held = await ask(app, "notes", payload)
    assert (held["verdict"], rules(held)) == ("review", [rule])
    assert await columns_of(admin, "public.notes") == ["id", "a"]
    if can_be_approved:
        assert (await approve(dba, held))["status"] == "approved"
        assert await admin.fetchval("SELECT version FROM schemad.schema_registry") == 2
    else:
        with pytest.raises(asyncpg.ObjectNotInPrerequisiteStateError):
            await approve(dba, held)
    assert await app.fetchval("SELECT a FROM notes") == "old"


async def test_deprecating_restoring_and_dropping_a_table(
    admin: Connection, app: Connection, dba: Connection, daemon: Daemon
) -> None:
    await ask(app, "notes", fields("a"))
    registered = "SELECT is_active, version FROM schemad.schema_registry"

    assert (await ask(app, "notes", {"action": "deprecate"}))["status"] == "approved"
    assert tuple(await admin.fetchrow(registered) or ()) == (False, 2)
    refused = await ask(app, "notes", fields("a", "b"))
    assert (refused["verdict"], rules(refused)) == ("review", ["table.deprecated"])

    assert (await ask(app, "notes", {"action": "restore"}))["status"] == "approved"
    assert tuple(await admin.fetchrow(registered) or ()) == (True, 3)
    assert (await ask(app, "notes", fields("a", "b")))["status"] == "approved"
    assert await columns_of(admin, "public.notes") == ["id", "a", "b"]

    held = await ask(app, "notes", {"action": "drop"})
    assert (held["verdict"], rules(held)) == ("review", ["table.drop"])
    assert (await approve(dba, held))["status"] == "approved"
    assert await columns_of(admin, "public.notes") == []
    assert await admin.fetchrow(registered) is None
    audit = await admin.fetch("SELECT DISTINCT schema_id FROM schemad.schema_changes_audit")
    assert len(audit) == 1
    summaries = await admin.fetch("SELECT change_summary FROM schemad.schema_changes_audit ORDER BY id")
    assert [row["change_summary"] for row in summaries] == [
        "created public.notes with 2 fields",
        "deprecated public.notes",
        "restored public.notes",
        "added 1 field to public.notes",
        "dropped public.notes",
    ]
    # The name is free again.
    assert (await ask(app, "notes", fields("c")))["status"] == "approved"
    assert await columns_of(admin, "public.notes") == ["id", "c"]


@pytest.mark.parametrize("action", ["deprecate", "restore", "drop"])
async def test_an_action_on_a_table_that_schemad_did_not_make_is_refused(
    admin: Connection, app: Connection, daemon: Daemon, action: str
) -> None:
    await admin.execute("CREATE TABLE public.foreign_table (x integer)")
    for name in ("foreign_table", "nothing"):
        held = await ask(app, name, {"action": action})
        assert (held["verdict"], rules(held)) == ("review", ["table.unknown"])
    assert await columns_of(admin, "public.foreign_table") == ["x"]


async def test_a_column_that_was_dropped_by_hand_and_is_asked_for_again_is_in_the_version_once(
    admin: Connection, app: Connection, dba: Connection, daemon: Daemon
) -> None:
    assert (await ask(app, "notes", fields("a", "b")))["status"] == "approved"
    await admin.execute("ALTER TABLE public.notes DROP COLUMN b")
    request = await ask(app, "notes", fields("a", b="integer"))
    if request["status"] == "pending":
        await dba.execute("SELECT schemad.approve_request($1, 'agreed')", request["id"])
        request = await decided(app, request["id"])
    assert request["status"] == "approved"
    version = await admin.fetchval("SELECT fields FROM schemad.schema_versions ORDER BY version DESC LIMIT 1")
    listed = [(f["name"], f["type"]) for f in json.loads(version)]
    assert listed == [("id", "bigint"), ("a", "text"), ("b", "integer")]


@pytest.mark.parametrize("on_delete", ["no action", "restrict", "cascade", "set null", "set default"])
async def test_a_foreign_key_is_there_already_only_where_it_is_the_one_asked_for(
    app: Connection, daemon: Daemon, on_delete: str
) -> None:
    def copies(table: str, on_delete: str) -> dict[str, Any]:
        references = {"table": table, "on_delete": on_delete}
        return {"fields": [{"name": "ref", "type": "bigint", "references": references}]}

    for name in ("books", "authors"):
        assert (await ask(app, name, fields("a")))["status"] == "approved"
    assert (await ask(app, "copies", copies("books", on_delete)))["status"] == "approved"
    assert (await ask(app, "copies", copies("books", on_delete)))["findings"] == []
    other = "cascade" if on_delete == "no action" else "no action"
    for payload in (copies("authors", on_delete), copies("books", other)):
        differs = await ask(app, "copies", payload)
        assert (differs["verdict"], rules(differs)) == ("review", ["field.conflict"])
        assert f"it references books.id, on delete {on_delete}" in differs["findings"][0]["message"]


async def test_a_serial_is_there_already_only_where_the_column_numbers_itself(
    app: Connection, daemon: Daemon
) -> None:
    for name, type_name in (("plain", "bigint"), ("numbered", "bigserial")):
        payload = {"fields": [{"name": "id", "type": type_name}, {"name": "a", "type": "text"}]}
        assert (await ask(app, name, payload))["status"] == "approved"
    serial = {"fields": [{"name": "id", "type": "bigserial"}]}
    assert rules(await ask(app, "plain", serial)) == ["field.conflict"]
    assert (await ask(app, "numbered", serial))["status"] == "approved"
    # One that is added later numbers itself as well.
    later = {"fields": [{"name": "n", "type": "serial"}]}
    assert [(await ask(app, "plain", later))["status"] for _ in range(2)] == ["approved"] * 2
