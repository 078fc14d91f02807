"""Keys and indexes share their names with tables, views and sequences: theirs are chosen from what is free."""

import json
from typing import Any

import pytest

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.support.daemons import running_daemon
from tests.support.databases import Database, fields
from tests.support.requests import ask, decided, submit

SKU = {"name": "sku", "type": "text", "unique": True}
ITEM_SKU = {"name": "item_sku", "type": "text", "unique": True}
INDEXES = """
    SELECT i.relname::text FROM pg_index AS x JOIN pg_class AS i ON i.oid = x.indexrelid
    WHERE x.indrelid = to_regclass($1) ORDER BY i.relname
"""


async def indexes_of(connection: Connection, table: str) -> list[str]:
    return [row["relname"] for row in await connection.fetch(INDEXES, f"public.{table}")]


async def test_a_key_whose_name_another_table_s_key_has_gets_another_one_and_asking_twice_is_harmless(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    assert (await ask(app, "orders_item", {"fields": [SKU]}))["status"] == "approved"
    payload = {"fields": [ITEM_SKU]}
    first = await ask(app, "orders", payload)
    assert (first["status"], first["findings"]) == ("approved", [])
    key, primary = await indexes_of(admin, "orders")
    assert (key[:15], key[-4:], primary) == ("orders_item_sku", "_key", "orders_pkey")
    assert key != "orders_item_sku_key"
    again = await ask(app, "orders", payload)
    assert (again["status"], again["plan_sql"], again["findings"]) == ("approved", "", [])


@pytest.mark.parametrize(
    ("there", "payload"),
    [
        ("CREATE TABLE public.notes_pkey ()", fields("a")),
        ("CREATE SEQUENCE public.notes_id_seq", fields("a")),
        (
            "CREATE VIEW public.notes_a_key AS SELECT 1",
            {"fields": [{"name": "a", "type": "text", "unique": True}]},
        ),
        ("CREATE SEQUENCE public.notes_a_idx", fields("a") | {"indexes": [{"fields": ["a"]}]}),
    ],
)
async def test_whatever_has_the_name_of_a_key_or_an_index_does_not_keep_the_table_from_being_made(
    admin: Connection, app: Connection, daemon: Daemon, there: str, payload: dict[str, Any]
) -> None:
    await admin.execute(there)
    assert (await ask(app, "notes", payload))["status"] == "approved"
    assert (await ask(app, "notes", payload))["plan_sql"] == ""


async def test_a_key_that_is_added_later_gets_a_name_that_is_free_by_then(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    assert (await ask(app, "orders", fields("id_of_nothing")))["status"] == "approved"
    assert (await ask(app, "orders_item", {"fields": [SKU]}))["status"] == "approved"
    payload = fields("item_sku") | {"unique": [["item_sku"]], "indexes": [{"fields": ["item_sku"]}]}
    assert (await ask(app, "orders", payload))["status"] == "approved"
    assert len(await indexes_of(admin, "orders")) == 3
    assert (await ask(app, "orders", payload))["plan_sql"] == ""


async def test_two_tables_that_are_asked_for_at_once_never_fail_for_the_name_of_a_key(
    database: Database, admin: Connection, app: Connection
) -> None:
    async with app.transaction():
        ids = [
            await submit(app, "orders_item", {"fields": [SKU]}),
            await submit(app, "orders", {"fields": [ITEM_SKU]}),
        ]
    async with running_daemon(database.dsn("daemon_login")):
        assert [(await decided(app, i))["status"] for i in ids] == ["approved"] * 2
    assert "orders_item_sku_key" in await indexes_of(admin, "orders_item")


async def test_among_very_many_names_that_begin_alike_those_with_a_hash_are_taken(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    await admin.execute(
        "DO $$ BEGIN FOR i IN 1..200 LOOP EXECUTE 'CREATE SEQUENCE public.notes_' || i; END LOOP; END $$"
    )
    payload = fields("zz") | {"indexes": [{"fields": ["zz"]}]}
    await admin.execute("CREATE SEQUENCE public.notes_zz_idx")
    assert (await ask(app, "notes", payload))["status"] == "approved"
    assert not {"notes_pkey", "notes_zz_idx"} & set(await indexes_of(admin, "notes"))
    assert (await ask(app, "notes", payload))["plan_sql"] == ""


async def test_the_facts_of_a_name_tell_the_names_that_its_keys_can_not_have(admin: Connection) -> None:
    await admin.execute(
        "CREATE TABLE public.notes_a (id integer PRIMARY KEY); "
        "CREATE TABLE public.notesxb (id integer PRIMARY KEY); "
        "CREATE SCHEMA elsewhere; CREATE TABLE elsewhere.notes_c (id integer PRIMARY KEY)"
    )
    long = "n" * 63
    await admin.execute(f"CREATE SEQUENCE public.{'n' * 50}_12345678_key")
    for name, facts in {
        "notes": {"taken": ["notes_a_pkey"]},
        "note": {},
        "notes_a_": {},
        long: {"taken": [f"{'n' * 50}_12345678_key"]},
    }.items():
        assert json.loads(await admin.fetchval("SELECT schemad.table_facts($1)", name)) == facts, name
