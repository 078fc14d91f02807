"""Options that several verbs share, and the settings that they change."""

from typing import Annotated

import typer

from schemad.settings import Settings


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
