"""Options that several verbs share, and the settings that they change."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from schemad.settings import Settings
from schemad.store import Connection, connect

Result = TypeVar("Result")

Dsn = Annotated[
    str | None,
    typer.Option("--dsn", help="Database; else SCHEMAD_DSN, else PGHOST, PGUSER and so on.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
DataDir = Annotated[
    str | None,
    typer.Option("--data-dir", help="Directory of the server's data; kept between runs.", show_default=False),
]
Major = Annotated[
    int | None,
    typer.Option(
        "--pg", help="Major version of PostgreSQL: 16, 18, or another that is installed.", show_default=False
    ),
]


def settings_with(dsn: str | None) -> Settings:
    """The environment's settings, with the DSN of the command line where it has one."""
    return Settings.load(dsn)


async def with_connection(dsn: str | None, work: Callable[[Connection], Awaitable[Result]]) -> Result:
    """Opens a connection, works with it, and closes it."""
    settings = settings_with(dsn)
    connection = await connect(settings.dsn, job="command line", timeout=settings.connect_timeout, poolable=True)
    try:
        return await work(connection)
    finally:
        connection.terminate()
