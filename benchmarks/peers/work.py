"""What a handler does for a request, in Python: the CREATE TABLE, and the records. Nothing is judged.

`work.mjs` is the same for Node.js.
"""

import json
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncpg

SQL = Path(__file__).parent / "sql"

# A job's data: request_id, requester_user_id, schema_name, request_payload.
Request = dict[str, Any]
# Runs a statement with these arguments, and returns the first value of its first row, if it has one.
Run = Callable[..., Awaitable[Any]]

RECORDS = dict(
    re.findall(r"^-- name: (\w+)\n(.+?)(?=\n\n-- name:|\Z)", (SQL / "records.sql").read_text("utf-8"), re.M | re.S)
)
# Everything for a list of `described` requests: one call, one transaction.
CREATE_TABLES = "SELECT app.create_tables($1::jsonb)"


def fields_of(request: Request) -> list[dict[str, Any]]:
    """The fields that the table gets: the identity column, then those that were asked for."""
    identity = {"name": "id", "type": "bigint", "nullable": False, "default": None}
    asked = request["request_payload"]["fields"]
    return [identity] + [
        {
            "name": field["name"],
            "type": field["type"],
            "nullable": field.get("nullable", True),
            "default": _default(field.get("default")),
        }
        for field in asked
    ]


def create_table(request: Request) -> str:
    """The CREATE TABLE that the request means."""
    name = request["schema_name"]
    columns = ['"id" bigint NOT NULL GENERATED ALWAYS AS IDENTITY']
    for field in fields_of(request)[1:]:
        column = f'"{field["name"]}" {field["type"]}'
        if not field["nullable"]:
            column += " NOT NULL"
        if field["default"] is not None:
            column += f" DEFAULT {field['default']}"
        columns.append(column)
    return f'CREATE TABLE "{name}" ({", ".join(columns)}, CONSTRAINT "{name}_pkey" PRIMARY KEY ("id"))'


def described(request: Request) -> Request:
    """The request with what `app.create_tables()` needs to know."""
    return request | {"fields": fields_of(request), "ddl": create_table(request)}


async def create_and_record(run: Run, request: Request) -> None:
    """Makes the table and writes its records, a statement at a time. To be called in a transaction."""
    name, user, request_id = request["schema_name"], request["requester_user_id"], request["request_id"]
    description = request["request_payload"].get("description")
    ddl, fields, made = create_table(request), json.dumps(fields_of(request)), f"created public.{name}"
    await run(ddl)
    schema_id = await run(RECORDS["register"], name, description, user)
    await run(RECORDS["fields"], schema_id, fields)
    await run(RECORDS["version"], schema_id, request_id, fields)
    await run(RECORDS["audit"], schema_id, request_id, made, ddl)
    await run(RECORDS["log"], name, f"public.{name}", json.dumps({"request_id": request_id}))
    message = {"request_id": request_id, "schema_name": name, "message": made}
    await run(RECORDS["notify"], user, json.dumps(message))
    await run(RECORDS["approve"], request_id)


async def in_transaction(connection: "asyncpg.Connection[asyncpg.Record]", request: Request) -> None:
    """`create_and_record` in a transaction of an asyncpg connection."""

    async def run(statement: str, *arguments: object) -> Any:
        # Without arguments it is the CREATE TABLE, which is not worth preparing.
        return await (connection.fetchval(statement, *arguments) if arguments else connection.execute(statement))

    async with connection.transaction():
        await create_and_record(run, request)


def _default(value: object) -> str | None:
    if value is None or value == "now()":
        return value
    return "'" + str(value).replace("'", "''") + "'"
