"""Options that several verbs share, and the settings that they change."""

from collections.abc import Awaitable, Callable
from typing import Annotated, TypeVar

import typer

from schemad.cli.progress import progress
from schemad.settings import Settings
from schemad.store import Connection, connect
from schemad.store.connect import connect_pinned

Result = TypeVar("Result")


def _majors(incomplete: str) -> list[str]:
    """Major versions that are on this machine, for a shell."""
    from schemad.embedded import installed_majors  # noqa: PLC0415 - few verbs need it

    return [str(major) for major in installed_majors() if str(major).startswith(incomplete)]


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
        "--pg",
        help="Major version of PostgreSQL: 16, 18, or another that is installed.",
        autocompletion=_majors,
        show_default=False,
    ),
]


def settings_with(dsn: str | None) -> Settings:
    """The environment's settings, with the DSN of the command line where it has one."""
    return Settings.load(dsn)


async def with_connection(
    dsn: str | None, work: Callable[[Connection], Awaitable[Result]], *, pinned: bool = True
) -> Result:
    """Opens a connection, works with it, and closes it.

    Args:
        dsn: The database, where the command line has one.
        work: What to do with it.
        pinned: Whether names mean PostgreSQL's own only. A DBA may do much, and so could whatever was planted in
            public and ran for one; only what looks a name up as the DBA would goes without.
    """
    settings = settings_with(dsn)
    job, timeout = "command line", settings.connect_timeout
    with progress("connecting to PostgreSQL"):
        if pinned:
            connection = await connect_pinned(settings.dsn, job=job, timeout=timeout)
        else:
            connection = await connect(settings.dsn, job=job, timeout=timeout, poolable=True)
    try:
        return await work(connection)
    finally:
        connection.terminate()
