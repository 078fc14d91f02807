"""Describing a table: its fields as asked for, its version and its state."""

import json

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.database.asking import Refusal, refusal, submit
from tests.support.databases import fields
from tests.support.requests import ask, columns_of, decided

PAYLOAD = {
    "fields": [
        {
            "name": "title",
            "type": "VARCHAR(80)",
            "nullable": False,
            "description": "As shown",
            "metadata": {"x": 1},
        },
        {"name": "done", "type": "bool", "default": False},
    ]
}


async def _created(app: Connection) -> None:
    row = await app.fetchrow("SELECT * FROM schemad.wait_for_request($1)", await submit(app, "notes", PAYLOAD))
    assert row is not None
    assert row["status"] == "approved"


async def test_each_field_with_type_default_comment_and_metadata(app: Connection, daemon: Daemon) -> None:
    await _created(app)
    for name in ("notes", "Notes"):
        rows = await app.fetch("SELECT * FROM schemad.describe_schema(schema_name => $1)", name)
        assert [dict(row) | {"metadata": json.loads(row["metadata"])} for row in rows] == [
            {
                "field_name": field,
                "field_type": field_type,
                "is_nullable": nullable,
                "default_value": default,
                "description": description,
                "metadata": metadata,
                "version": 1,
                "state": "active",
            }
            for field, field_type, nullable, default, description, metadata in (
                ("id", "bigint", False, None, None, {}),
                ("title", "varchar(80)", False, None, "As shown", {"x": 1}),
                ("done", "boolean", True, "'false'", None, {}),
            )
        ]


async def _states(app: Connection) -> set[str]:
    return {row["state"] for row in await app.fetch("SELECT state FROM schemad.describe_schema('notes')")}


async def test_the_state_follows_the_table(admin: Connection, app: Connection, daemon: Daemon) -> None:
    await _created(app)
    await admin.execute("UPDATE schemad.schema_registry SET is_active = false")
    assert await _states(app) == {"deprecated"}
    await admin.execute("DROP TABLE notes")
    assert await _states(app) == {"missing"}


async def test_what_has_taken_the_place_of_a_dropped_table_is_not_the_table(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    await _created(app)
    replacements = (
        "CREATE VIEW public.notes AS SELECT 1 AS title",
        "DROP VIEW public.notes; CREATE TABLE public.notes (title text) PARTITION BY LIST (title)",
    )
    await admin.execute("DROP TABLE public.notes")
    for replacement in replacements:
        await admin.execute(replacement)
        assert await _states(app) == {"missing"}
        assert await app.fetchval("SELECT state FROM schemad.created_tables") == "missing"


async def test_the_fields_of_a_table_made_again_are_in_the_order_in_which_they_were_made_again(
    admin: Connection, app: Connection, dba: Connection, daemon: Daemon
) -> None:
    await ask(app, "notes", fields("a", "b"))
    await ask(app, "notes", fields("c"))
    await admin.execute("DROP TABLE public.notes")
    held = await ask(app, "notes", fields("c", "x", "a", "y"))
    await dba.execute("SELECT schemad.approve_request($1, 'agreed')", held["id"])
    assert (await decided(app, held["id"]))["status"] == "approved"
    described = await app.fetch("SELECT field_name FROM schemad.describe_schema('notes')")
    assert [row["field_name"] for row in described] == await columns_of(admin, "public.notes")
    assert [row["field_name"] for row in described] == ["id", "c", "x", "a", "y"]


async def test_a_table_that_schemad_did_not_make_is_an_error(admin: Connection, app: Connection) -> None:
    await admin.execute("CREATE TABLE by_hand (id integer)")
    for name in ("by_hand", "nothing"):
        assert await refusal(app.execute("SELECT schemad.describe_schema($1)", name)) == Refusal(
            "P0002",
            f"schemad has no table '{name}'",
            None,
            "SELECT name FROM schemad.schema_registry lists the tables that it has made.",
        )


async def test_a_name_with_its_schema_is_an_error_that_tells_the_name(app: Connection, daemon: Daemon) -> None:
    await _created(app)
    for name in ("public.notes", "PUBLIC.Notes"):
        told = await refusal(app.execute("SELECT schemad.describe_schema($1)", name))
        assert told.hint == "Names are without a schema: 'notes'."
