"""`schemad migrate` and `schemad doctor`: the schema in the database, and whether a daemon would work there."""

import asyncio
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.text import Text

from schemad.cli.connection import with_connection
from schemad.cli.exit_code import ExitCode
from schemad.cli.json_shapes import Applied, DoctorCheck, Pending
from schemad.cli.options import Dsn, Json, settings_with
from schemad.cli.output import out, print_json, say, visible
from schemad.cli.progress import progress
from schemad.settings import Settings
from schemad.store import Connection
from schemad.store.checks import Check, Level, check_all, open_for_checks
from schemad.store.migrate import migrate as migrate_database
from schemad.store.migrate import pending_files, pending_script

MARKS = {Level.OK: "green", Level.NOTE: "yellow", Level.MEND: "red"}


def add_to(app: typer.Typer) -> None:
    """Adds the verbs."""
    app.command()(migrate)
    app.command()(doctor)


def migrate(
    dsn: Dsn = None,
    check: Annotated[bool, typer.Option("--check", help="Change nothing; exit with 1 when behind.")] = False,
    print_sql: Annotated[
        bool,
        typer.Option("--print", help="Write the SQL that is missing, for psql, and change nothing."),
    ] = False,
    roles: Annotated[
        bool | None,
        typer.Option(
            "--roles/--no-roles",
            help="Install roles, grants and row security too. Else as before; a new schema gets them.",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Install the schema `schemad`, or bring it up to date. Running it again changes nothing.

    With --print and no database given, the whole installation is written.
    """
    if print_sql and (as_json or check):
        raise typer.BadParameter(f"--print writes SQL, and goes with no {'--json' if as_json else '--check'}")

    async def work(connection: Connection) -> int:
        if print_sql:
            typer.echo(await pending_script(connection, with_roles=roles), nl=False)
            return ExitCode.DONE
        if check:
            pending = await pending_files(connection, with_roles=roles)
            if as_json:
                print_json(Pending(pending=pending))
            else:
                say(f"behind by {_files(pending)}: `schemad migrate` applies them" if pending else "current")
            return ExitCode.FAILED if pending else ExitCode.DONE
        with progress("waiting for the database") as tell:
            applied = await migrate_database(connection, with_roles=roles, tell=tell)
        if as_json:
            print_json(Applied(applied=applied))
        else:
            say(f"applied {_files(applied)}" if applied else "current: nothing to do")
        return ExitCode.DONE

    if print_sql and not settings_with(dsn).dsn_was_given:
        typer.echo(asyncio.run(pending_script(None, with_roles=roles)), nl=False)
        return
    raise typer.Exit(asyncio.run(with_connection(dsn, work)))


def _files(names: Sequence[str]) -> str:
    return f"{len(names)} file{'s' if len(names) > 1 else ''}"


def doctor(dsn: Dsn = None, as_json: Json = False) -> None:
    """Look whether a daemon with this DSN would work, and say what mends what would not.

    `ok` is as it should be, `note` may not be what is wanted, `mend` keeps a daemon from its work.

    Exits with 0 if nothing is to be mended, and with 1 if anything is, or the database can't be reached.
    """
    with progress("looking"):
        checks = asyncio.run(_checks(settings_with(dsn)))
    if as_json:
        print_json(
            [DoctorCheck(check=c.name, level=c.level, passed=c.passed, found=c.found, mend=c.mend) for c in checks]
        )
    else:
        for check in checks:
            mark = (f"{check.level:<6}", MARKS[check.level])
            out.print(Text.assemble(mark, f"{check.name}: {visible(check.found)}"), soft_wrap=True)
            if check.mend:
                out.print(Text(f"      → {visible(check.mend)}"), soft_wrap=True)
    if not all(check.passed for check in checks):
        raise typer.Exit(ExitCode.FAILED)


async def _checks(settings: Settings) -> list[Check]:
    connection = await open_for_checks(settings)
    try:
        return [check async for check in check_all(connection, settings)]
    finally:
        connection.terminate()
