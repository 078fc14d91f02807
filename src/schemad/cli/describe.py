"""`schemad describe`: the fields of a table that schemad made."""

import asyncio
from typing import Annotated

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from schemad.cli.connection import with_connection
from schemad.cli.options import Dsn, Json
from schemad.cli.output import one_line, print_json, print_table, say
from schemad.store import requests


def add_to(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(describe)


def describe(
    table: Annotated[str, typer.Argument(help="Name of the table.", show_default=False)],
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Show the fields of a table that schemad made, with its version and state."""
    rows = asyncio.run(with_connection(dsn, lambda c: requests.describe(c, table)))
    if as_json:
        print_json(rows)
        return
    say(f"{one_line(table)}: version {rows[0]['version']}, {rows[0]['state']}", style="bold")
    shown = Table("field", "type", "nullable", "default", "description", box=box.SIMPLE_HEAD, pad_edge=False)
    for row in rows:
        shown.add_row(
            Text(one_line(row["field_name"])),
            Text(one_line(row["field_type"])),
            "yes" if row["is_nullable"] else "no",
            Text(one_line(row["default_value"] or "")),
            Text(one_line(row["description"] or "")),
        )
    print_table(shown)
