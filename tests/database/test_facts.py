"""What the daemon is told of the names that are asked for."""

import json

from schemad.store import Connection
from tests.support.databases import fields
from tests.support.requests import submit

# Each in its own way not new to the database.
USED = {
    "is_table": "CREATE TABLE public.is_table (a integer)",
    "is_view": "CREATE VIEW public.is_view AS SELECT 1 AS a",
    "is_type": "CREATE DOMAIN public.is_type AS integer",
    "is_known": "INSERT INTO schemad.schema_registry (name, owner_role) VALUES ('is_known', 'app_login')",
    "has_neighbour": "CREATE SEQUENCE public.has_neighbour_id_seq; CREATE TABLE public.has_neighbour_pkey ()",
    "n" * 60: f"CREATE SEQUENCE public.{'n' * 50}_12345678_key",
}
UNUSED = ("is_new", "is_", "has_neighbo", "z" * 63, "elsewhere")


async def make_used(admin: Connection) -> None:
    """Makes what has those names, and in another schema, where schemad makes no tables, what has an unused one."""
    await admin.execute("CREATE SCHEMA other; CREATE TABLE other.elsewhere (a integer)")
    for statement in USED.values():
        await admin.execute(statement)


async def test_names_that_nothing_has_are_told_from_the_others(admin: Connection) -> None:
    await make_used(admin)
    unused = await admin.fetchval("SELECT schemad.unused_names($1)", [*USED, *UNUSED])
    assert sorted(unused) == sorted(UNUSED)


async def test_of_many_names_at_once_the_same_is_told_as_of_each_alone(admin: Connection, app: Connection) -> None:
    await make_used(admin)
    alone = {}
    for name in (*USED, *UNUSED):
        alone[name] = json.loads(await admin.fetchval("SELECT schemad.table_facts($1)", name))
        await submit(app, name.capitalize(), fields("a"))
    assert [name for name, facts in alone.items() if not facts] == [*UNUSED]
    rows = await admin.fetch("SELECT c.schema_name, c.facts FROM schemad.candidates(50, '{}', '{}') AS c")
    assert {row["schema_name"].lower(): json.loads(row["facts"]) for row in rows} == alone
