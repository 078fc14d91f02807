"""Real tables: each plain one is created by itself, and is in the catalog what its own DDL would have made."""

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.support.requests import decided

pytestmark = pytest.mark.every_server

REPOSITORY = Path(__file__).parents[2]
OWN = REPOSITORY / "tests" / "corpus" / "tables.jsonl"
# More tables in the same form, where there are such: too many, or not ours, to be kept here.
MORE = Path(os.environ.get("SCHEMAD_CORPUS", REPOSITORY.parent / "shared" / "corpus" / "requests.jsonl"))


@dataclass(frozen=True, slots=True)
class Example:
    """A table: what its DDL is, and the request for the same. Plain: low-risk in whole."""

    table: str
    payload: dict[str, Any]
    ddl: str
    plain: bool


def read(path: Path) -> Iterator[Example]:
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        yield Example(row["table"], row["payload"], row["ddl"], row["plain"])


@cache
def corpus() -> tuple[Example, ...]:
    files = [OWN, *([MORE] if MORE.is_file() or "SCHEMAD_CORPUS" in os.environ else [])]
    return tuple(example for file in files for example in read(file))


@dataclass(frozen=True, slots=True)
class Table:
    """A table as the catalog has it."""

    columns: list[tuple[str, str, bool, str]]
    defaults: dict[str, str]
    indexes: set[tuple[tuple[str, ...], bool, bool, str]]
    checks: set[str]
    references: set[tuple[tuple[str, ...], str, str]]


async def test_a_plain_table_is_created_by_itself_as_its_own_ddl_would_have_made_it(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    examples = [example for example in corpus() if example.plain]
    requests = await asked_for(app, examples)
    held = {e.table: r["findings"] for e, r in zip(examples, requests, strict=True) if r["status"] != "approved"}
    assert held == {}
    assert {request["verdict"] for request in requests} == {"auto"}
    await assert_as_by_ddl(admin, examples)


async def test_what_is_not_plain_is_created_by_itself_too_as_by_its_own_ddl(
    admin: Connection, app: Connection, daemon: Daemon
) -> None:
    examples = [example for example in corpus() if not example.plain]
    requests = await asked_for(app, examples)
    held = {e.table: r["findings"] for e, r in zip(examples, requests, strict=True) if r["status"] != "approved"}
    assert held == {}
    await assert_as_by_ddl(admin, examples)


async def asked_for(app: Connection, examples: list[Example]) -> list[dict[str, Any]]:
    """Asks for all of them at once; the requests, decided."""
    rows = await app.fetch(
        "INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload) "
        "SELECT 'corpus', * FROM unnest($1::text[], $2::jsonb[]) RETURNING id",
        [example.table for example in examples],
        [json.dumps(example.payload) for example in examples],
    )
    return [await decided(app, row["id"]) for row in rows]


async def assert_as_by_ddl(admin: Connection, examples: list[Example]) -> None:
    """Makes each by its own DDL, too, in a schema of its own, and compares the two."""
    for number, example in enumerate(examples):
        schema = f"scratch_{number}"
        await admin.execute(f"CREATE SCHEMA {schema}; SET search_path = {schema}")
        await admin.execute(example.ddl.replace("CREATE TABLE public.", "CREATE TABLE "))
        await admin.execute("RESET search_path")
        made = await admin.fetchval(
            "SELECT oid FROM pg_class WHERE relnamespace = $1::text::regnamespace AND relkind = 'r'", schema
        )
        asked = await admin.fetchval("SELECT $1::text::regclass::oid", f"public.{example.table}")
        one, other = await table(admin, asked), await table(admin, made)
        assert replace(one, defaults={}) == replace(other, defaults={}), example.table
        assert one.defaults.keys() == other.defaults.keys(), example.table
        types = {name: type_name for name, type_name, *_ in one.columns}
        for name, default in one.defaults.items():
            same = default == other.defaults[name] or await admin.fetchval(
                # 0 and '0'::numeric are spelled differently and are the same.
                f"SELECT ({default})::{types[name]}::text = ({other.defaults[name]})::{types[name]}::text"
            )
            assert same, (example.table, name, default, other.defaults[name])


async def table(admin: Connection, oid: int) -> Table:
    """The table of that oid."""
    columns = await admin.fetch(
        "SELECT attname, format_type(atttypid, atttypmod) AS type, attnotnull, attidentity::text, "
        "pg_get_expr(adbin, adrelid) AS expression FROM pg_attribute "
        "LEFT JOIN pg_attrdef ON (adrelid, adnum) = (attrelid, attnum) "
        "WHERE attrelid = $1 AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        oid,
    )
    indexes = await admin.fetch(
        "SELECT array(SELECT pg_get_indexdef(indexrelid, n, true) FROM generate_series(1, indnkeyatts) AS n) "
        "AS columns, indisunique, indisprimary, amname::text FROM pg_index "
        "JOIN pg_class AS i ON i.oid = indexrelid JOIN pg_am AS m ON m.oid = i.relam WHERE indrelid = $1",
        oid,
    )
    constraints = await admin.fetch(
        "SELECT contype::text, pg_get_expr(conbin, conrelid) AS condition, confdeltype::text, "
        "(SELECT relname::text FROM pg_class WHERE oid = confrelid) AS target, "
        "array(SELECT attname::text FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey)) "
        "AS columns FROM pg_constraint WHERE conrelid = $1",
        oid,
    )
    return Table(
        columns=[(c["attname"], c["type"], c["attnotnull"], c["attidentity"]) for c in columns],
        defaults={c["attname"]: c["expression"] for c in columns if c["expression"] is not None},
        indexes={(tuple(i["columns"]), i["indisunique"], i["indisprimary"], i["amname"]) for i in indexes},
        checks={c["condition"] for c in constraints if c["contype"] == "c"},
        references={
            (tuple(c["columns"]), c["target"], c["confdeltype"]) for c in constraints if c["contype"] == "f"
        },
    )
