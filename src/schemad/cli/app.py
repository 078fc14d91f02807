"""The program `schemad`: its verbs, and how it ends."""

import importlib
import io
import os
import sys
from collections.abc import Mapping, Sequence
from typing import Annotated, NamedTuple, TextIO

import typer

from schemad import OLDEST_POSTGRES, TESTED_POSTGRES, __version__
from schemad.cli.exit_code import ExitCode

# Set by a shell that asks for completions; what it names is typer's.
COMPLETE_VARIABLE = "_SCHEMAD_COMPLETE"


class Verb(NamedTuple):
    """A verb as the overview has it.

    Attributes:
        module: The module of `cli` that adds it.
        summary: What it does, in a line of a narrow terminal.
    """

    module: str
    summary: str


# In the order of the help.
VERBS = {
    "dev": Verb("dev", "Start a PostgreSQL with the daemon on it, to try things on."),
    "demo": Verb("demo", "See it work, and leave nothing behind."),
    "migrate": Verb("database", "Install the schema `schemad`, or bring it up to date."),
    "doctor": Verb("database", "Tell whether a daemon would work, and what mends it."),
    "run": Verb("run", "Run the daemon."),
    "submit": Verb("requests", "Submit a request, and wait for the decision."),
    "list": Verb("requests", "List requests, newest first."),
    "show": Verb("requests", "Show a request: how it stands, why, and its SQL."),
    "wait": Verb("requests", "Wait for the decision on a request."),
    "approve": Verb("requests", "Approve a held request, and wait until it is applied."),
    "reject": Verb("requests", "Turn a pending request down."),
    "cancel": Verb("requests", "Withdraw a pending request."),
    "retry": Verb("requests", "Have a held or failed request assessed again."),
    "plan": Verb("plan", "Print findings and SQL for a request; submit nothing."),
    "describe": Verb("describe", "Show the fields of a table that schemad made."),
    "schema": Verb("schema", "Print the shape of a payload as JSON Schema."),
    "rules": Verb("rules", "List the rules that requests are judged by."),
    "policy": Verb("policy", "Show or change what counts as low-risk."),
    "prune": Verb("prune", "Remove what is older than the policy keeps."),
    "psql": Verb("psql", "Open psql, with variables for what one asks most."),
    "bench": Verb("bench", "Measure how fast it is here."),
    "completion": Verb("completion", "Print what has a shell complete verbs and options."),
}


def program(verb: str | None = None) -> typer.Typer:
    """The program with all its verbs; with `verb`, if it is one of them, with those of its module only.

    So the daemon does not carry what the others need, 3 MB of memory and a third of a second at the start.
    """
    app = _empty()
    asked = VERBS[verb].module if verb in VERBS else None
    for module in [asked] if asked else dict.fromkeys(known.module for known in VERBS.values()):
        importlib.import_module(f"schemad.cli.{module}").add_to(app)
    return app


def overview() -> typer.Typer:
    """The program as it is where no verb was named: all are listed, and none of them is imported.

    It is what `schemad --help` prints, and where a shell looks for verbs that begin with something.
    """
    app = _empty()
    for name, verb in VERBS.items():
        app.command(name, help=verb.summary)(_stand_in)
    return app


def _empty() -> typer.Typer:
    app = typer.Typer(
        name="schemad",
        help="Applications ask PostgreSQL for a table in SQL; what is low-risk is created right away.",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        rich_markup_mode=None,
        # It brings the reader of what shells ask, and two options: `schemad completion` is there instead of them.
        add_completion=COMPLETE_VARIABLE in os.environ,
    )
    app.callback()(_options)
    return app


def _stand_in() -> None:
    """Stands for a verb in the overview, and is never called: whoever names a verb gets its module."""


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
    # One that is closed is None, which few expect. In this order, as each opens the lowest free descriptor.
    sys.stdin = sys.stdin or _nothing("r")
    sys.stdout = sys.stdout or _nothing("w")
    sys.stderr = sys.stderr or _nothing("w")
    for stream in (sys.stdout, sys.stderr):
        # A terminal that can't show a character of a message still gets the message.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    sys.exit(_exit_code(sys.argv[1:] if arguments is None else arguments))


def _nothing(mode: str) -> TextIO:
    """A standard stream that leads nowhere; it stays open as long as the process."""
    return io.TextIOWrapper(io.FileIO(os.devnull, mode), encoding="utf-8")


def _exit_code(arguments: Sequence[str]) -> int | str | None:
    verb = named_verb(arguments, os.environ)
    command = typer.main.get_command(program(verb) if verb else overview())
    command.params = [p for p in command.params if p.name not in {"install_completion", "show_completion"}]
    try:
        try:
            # Mistakes on the command line, Ctrl-C and typer.Exit end the process here, with a message and a code
            # of typer's: which click they come from, its own or the package, depends on its version.
            command.main(args=list(arguments), prog_name="schemad")
        finally:
            _flush()
    except SystemExit as end:
        # Typer and Rich both end it with 1 where the reader has gone.
        return ExitCode.READER_GONE if isinstance(end.__context__, BrokenPipeError) else end.code
    except BrokenPipeError:
        return ExitCode.READER_GONE
    except Exception as error:
        from schemad.cli.failure import told  # noqa: PLC0415 - most runs meet no error, and need no driver for it
        from schemad.cli.output import print_error  # noqa: PLC0415

        failure = told(error)
        if failure is None:
            raise
        messages, code = failure
        for message in messages:
            print_error(message)
        return code
    return ExitCode.DONE


def _flush() -> None:
    """Writes what is left, while it can still be told that this fails."""
    if not isinstance(sys.stdout, io.TextIOWrapper):
        return  # somebody else's
    try:
        sys.stdout.flush()
    except OSError:
        # Python would try again at the end, and print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def named_verb(arguments: Sequence[str], environment: Mapping[str, str]) -> str | None:
    """The verb that a command line names, be it to run or to complete; None: none, or none that there is."""
    words = arguments
    if COMPLETE_VARIABLE in environment:
        # Typer has the line in the one for bash, and in the other for other shells.
        line = environment.get("COMP_WORDS") or environment.get("_TYPER_COMPLETE_ARGS", "")
        words = line.split()[1:]
    first = next((word for word in words if not word.startswith("-")), None)
    return first if first in VERBS else None
