"""The program `schemad`: its verbs, and how it ends."""

import importlib
import io
import sys
from collections.abc import Sequence
from typing import Annotated

import typer
from pydantic import ValidationError

from schemad import OLDEST_POSTGRES, TESTED_POSTGRES, __version__
from schemad.cli.output import print_error
from schemad.credentials import CredentialError
from schemad.embedded import EmbeddedPostgresError
from schemad.observe.http import AddressUnavailable
from schemad.observe.tracing import TracingUnavailable
from schemad.settings import SettingsFileError, problems
from schemad.store.errors import explain, is_bad_input

EXIT_FAILED = 1
EXIT_BAD_INPUT = 2

# The verbs, in the order of the help, by the module that adds them.
_MODULES = {
    "dev": ("dev",),
    "demo": ("demo",),
    "database": ("migrate", "doctor"),
    "run": ("run",),
    "requests": ("submit", "list", "show", "approve", "reject", "cancel", "retry"),
    "plan": ("plan",),
    "schema": ("schema",),
    "policy": ("policy",),
    "rules": ("rules",),
    "psql": ("psql",),
    "bench": ("bench",),
}


def program(verb: str | None = None) -> typer.Typer:
    """The program with all its verbs; with `verb`, if it is one of them, with those of its module only.

    So the daemon does not carry what the others need, 3 MB of memory and a third of a second at the start.
    """
    app = typer.Typer(
        name="schemad",
        help="Applications ask PostgreSQL for a table in SQL; what is low-risk is created right away.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
    )
    app.callback()(_options)
    asked = [module for module, verbs in _MODULES.items() if verb in verbs]
    for module in asked or _MODULES:
        importlib.import_module(f"schemad.cli.{module}").add_to(app)
    return app


def _print_version(wanted: bool) -> None:
    if wanted:
        *others, newest = map(str, TESTED_POSTGRES)
        typer.echo(f"schemad {__version__}")
        typer.echo(f"PostgreSQL {OLDEST_POSTGRES} or newer, tested on {', '.join(others)} and {newest}")
        raise typer.Exit


def _options(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the version, and the PostgreSQL versions that it works with.",
        ),
    ] = False,
) -> None:
    """Options before the verb."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Runs the program and ends the process; errors that a user can meet are told in words."""
    for stream in (sys.stdout, sys.stderr):
        # A terminal that can't show a character of a message still gets the message.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_exit_code(arguments))


def _exit_code(arguments: Sequence[str] | None) -> int:
    given = sys.argv[1:] if arguments is None else arguments
    command = typer.main.get_command(program(given[0] if given else None))
    try:
        # Mistakes on the command line, Ctrl-C and typer.Exit end the process here, with a message and a code of
        # typer's: which click they come from, its own or the package, depends on its version.
        command.main(args=arguments, prog_name="schemad")
    except ValidationError as error:
        for problem in problems(error):
            print_error(problem)
        return EXIT_BAD_INPUT
    except (SettingsFileError, CredentialError) as error:
        print_error(str(error))
        return EXIT_BAD_INPUT
    except (EmbeddedPostgresError, AddressUnavailable, TracingUnavailable) as error:
        print_error(str(error))
        return EXIT_FAILED
    except Exception as error:
        message = explain(error)
        if message is None:
            raise
        print_error(message)
        return EXIT_BAD_INPUT if is_bad_input(error) else EXIT_FAILED
    return 0
