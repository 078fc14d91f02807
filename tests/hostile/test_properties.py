"""Properties on a real server: any JSON is answered, and what was accepted is in the catalog as it was asked."""

import asyncio
import json
from typing import Any

import asyncpg
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from schemad.request import TableRequest, read_request
from schemad.store import Connection
from tests.hostile.attack import PATIENCE
from tests.support.daemons import running_daemon
from tests.support.databases import Database
from tests.unit.strategies import Asked, json_values, sound_requests

EXAMPLES = 150


def examples_of(strategy: st.SearchStrategy[Any], count: int = EXAMPLES) -> list[Any]:
    """So many examples, to be tried in one go: a database for each would take a minute."""
    drawn: list[Any] = []

    @settings(
        max_examples=count,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def draw(example: Any) -> None:
        drawn.append(example)

    draw()
    return drawn


def test_any_json_is_answered(database: Database) -> None:
    values = [*examples_of(json_values), *({"fields": value} for value in examples_of(json_values))]
    asked = [(f"any_{number}", json.dumps(value)) for number, value in enumerate(values)]
    requests = asyncio.run(
        answered(database, asked, "ALTER TABLE schemad.schema_requests DISABLE TRIGGER validate_request")
    )
    for request in requests:
        assert request["status"] == "approved" or request["findings"] != "[]", request
    assert len(requests) > len(values) // 2


def test_an_accepted_request_is_in_the_catalog_as_it_was_asked_for(database: Database) -> None:
    sound: list[Asked] = examples_of(sound_requests())
    for one in sound:
        for field in one.payload["fields"]:
            field.pop("references", None)  # to tables that are not there
    asked = [(f"t_{number}", json.dumps(one.payload)) for number, one in enumerate(sound)]
    requests = asyncio.run(answered(database, asked))
    approved = [r for r in requests if (r["status"], r["verdict"]) == ("approved", "auto")]
    # The others have too much of something, or want an index that their type has no operator class for.
    assert len(approved) > EXAMPLES // 10
    asyncio.run(assert_in_catalog(database, approved))


async def answered(database: Database, asked: list[tuple[str, str]], *first: str) -> list[asyncpg.Record]:
    """The requests, once each has a verdict; without those that PostgreSQL itself takes for no JSON."""
    async with database.connection() as admin, running_daemon(database.dsn("daemon_login")):
        for statement in first:
            await admin.execute(statement)
        for name, payload in asked:
            try:
                await admin.execute(
                    "INSERT INTO schemad.schema_requests "
                    "(requester_user_id, schema_name, request_payload, requested_by) "
                    "VALUES ('someone', $1, $2, 'app_one')",
                    name,
                    payload,
                )
            except asyncpg.DataError:
                continue
        async with asyncio.timeout(PATIENCE):
            while await admin.fetchval(
                "SELECT EXISTS (SELECT FROM schemad.schema_requests WHERE status = 'pending' AND verdict IS NULL) "
                "FROM pg_sleep(0.01)"
            ):
                pass
        return list(await admin.fetch("SELECT * FROM schemad.schema_requests"))


async def assert_in_catalog(database: Database, approved: list[asyncpg.Record]) -> None:
    async with database.connection() as connection:
        for row in approved:
            request = read_request(row["schema_name"], row["request_payload"]).request
            assert request is not None
            assert await in_catalog(connection, row["schema_name"]) == as_asked(request), row["request_payload"]


def as_asked(request: TableRequest) -> dict[str, Any]:
    """What the catalog has to say of a table: as the request has it."""
    uniques = {(f.name,) for f in request.fields if f.unique} | set(request.unique)
    keys = {(fields, True, "btree") for fields in [*uniques, request.primary_key] if fields}
    return {
        "columns": [
            (
                f.name,
                f.type.catalog_name,
                not f.nullable,
                f.type.is_serial,
                f.default is not None,
                f.description or None,
            )
            for f in request.fields
        ],
        "primary_key": request.primary_key,
        "indexes": keys | {(i.fields, i.unique, i.method.value) for i in request.indexes},
        "checks": len(request.checks),
        "description": request.description or None,
    }


async def in_catalog(connection: Connection, table: str) -> dict[str, Any]:
    """The same, as the catalog has it."""
    columns = await connection.fetch(
        "SELECT attname, format_type(atttypid, atttypmod), attnotnull, attidentity <> ''::\"char\", atthasdef, "
        "col_description(attrelid, attnum) FROM pg_attribute "
        "WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        table,
    )
    indexes = await connection.fetch(
        "SELECT array(SELECT attname::text FROM unnest(indkey) WITH ORDINALITY AS k (attnum, n) "
        "JOIN pg_attribute AS a ON a.attrelid = indrelid AND a.attnum = k.attnum ORDER BY n) AS fields, "
        "indisunique, amname::text, indisprimary FROM pg_index JOIN pg_class AS i ON i.oid = indexrelid "
        "JOIN pg_am AS m ON m.oid = i.relam WHERE indrelid = $1::text::regclass",
        table,
    )
    return {
        "columns": [tuple(column) for column in columns],
        "primary_key": next((tuple(i["fields"]) for i in indexes if i["indisprimary"]), ()),
        "indexes": {(tuple(i["fields"]), i["indisunique"], i["amname"]) for i in indexes},
        "checks": await connection.fetchval(
            "SELECT count(*) FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype = 'c'", table
        ),
        "description": await connection.fetchval("SELECT obj_description($1::text::regclass, 'pg_class')", table),
    }
