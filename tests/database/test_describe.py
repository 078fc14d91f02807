"""Describing a table: its fields as asked for, its version and its state."""

import json

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.database.asking import Refusal, refusal, submit

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
