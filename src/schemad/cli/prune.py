"""`schemad prune`: what is older than the policy keeps goes now, instead of within the hour."""

import asyncio
from typing import Annotated

import typer

from schemad.cli.connection import with_connection
from schemad.cli.json_shapes import Pruned
from schemad.cli.options import Dsn, Json
from schemad.cli.output import print_json, say
from schemad.cli.progress import Tell, progress
from schemad.store import Connection, pruning

# Rows of one transaction: few, as what they lock others wait for.
BATCH = 10_000


def add_to(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(prune)


def prune(
    limit: Annotated[
        int | None,
        typer.Option("--limit", min=1, max=2**31 - 1, help="How many rows at most; else all.", show_default=False),
    ] = None,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Remove what is older than the policy keeps: log rows, notifications, decided requests.

    Daemons do that by themselves. It is for the schema's owner, and whoever was granted schemad.prune().
    """

    async def work(connection: Connection) -> Pruned:
        with progress("removing old rows") as tell:
            return await _prune(connection, limit, tell)

    removed = asyncio.run(with_connection(dsn, work))
    if as_json:
        print_json(removed)
    elif not _sum(removed):
        say("nothing is older than the policy keeps")
    else:
        for table, rows in (
            ("auto_create_log", removed["auto_create_log"]),
            ("notifications", removed["notifications"]),
            ("schema_requests", removed["schema_requests"]),
        ):
            say(f"{table}: {rows:,} removed")


async def _prune(connection: Connection, limit: int | None, tell: Tell) -> Pruned:
    """Removes batch by batch until a call finds less than it may remove."""
    removed = Pruned(auto_create_log=0, notifications=0, schema_requests=0)
    while (left := BATCH if limit is None else min(BATCH, limit - _sum(removed))) > 0:
        batch = await pruning.prune(connection, left)
        removed = Pruned(
            auto_create_log=removed["auto_create_log"] + batch["auto_create_log"],
            notifications=removed["notifications"] + batch["notifications"],
            schema_requests=removed["schema_requests"] + batch["schema_requests"],
        )
        tell(f"removed {_sum(removed):,} rows", None)
        if sum(batch.values()) < left:
            break
    return removed


def _sum(removed: Pruned) -> int:
    return removed["auto_create_log"] + removed["notifications"] + removed["schema_requests"]
