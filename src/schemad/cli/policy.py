"""`schemad policy`: what counts as low-risk in a database, shown and changed."""

import asyncio
from enum import StrEnum
from typing import Annotated, Any

import typer
from rich import box
from rich.table import Table
from rich.text import Text

from schemad.cli.connection import with_connection
from schemad.cli.json_shapes import PolicySettings
from schemad.cli.options import Dsn, Json
from schemad.cli.output import one_line, print_json, print_table, say
from schemad.policy.rules import all_rules
from schemad.request.types import KNOWN_TYPES
from schemad.store import Connection, policies

app = typer.Typer(
    name="policy", help="Show or change what counts as low-risk in a database.", no_args_is_help=True
)


class SeverityOrDefault(StrEnum):
    """What a rule may be judged by."""

    REFUSE = "refuse"
    REVIEW = "review"
    WARN = "warn"
    DEFAULT = "default"


def _settings(incomplete: str) -> list[str]:
    """Settings that begin so, for a shell."""
    named = (n for n in PolicySettings.__annotations__ if n not in {"version", "changed_at", "changed_by"})
    return [name for name in named if name.startswith(incomplete)]


def _rules(incomplete: str) -> list[str]:
    """Ids of rules that begin so and whose severity may be changed, for a shell."""
    return [rule.id for rule in all_rules().values() if rule.adjustable and rule.id.startswith(incomplete)]


def _types(incomplete: str) -> list[str]:
    """Names of PostgreSQL's own types that begin so, for a shell."""
    return [name for name in KNOWN_TYPES if name.startswith(incomplete) and " " not in name]


def add_to(parent: typer.Typer) -> None:
    """Adds the verbs."""
    parent.add_typer(app)


@app.command()
def show(dsn: Dsn = None, as_json: Json = False) -> None:
    """Show the policy: settings, types, protected tables, changed severities."""
    found = asyncio.run(with_connection(dsn, policies.shown))
    if as_json:
        print_json(found)
        return
    table = Table("setting", "value", box=box.SIMPLE_HEAD, pad_edge=False)
    for name, value in found["policy"].items():
        table.add_row(name, Text(one_line(_shown(name, value))))
    print_table(table)
    for verdict, words in (("auto", "by themselves"), ("review", "after review"), ("refuse", "refused")):
        names = sorted(name for name, given in found["types"].items() if given == verdict)
        say(f"types {words}: " + (", ".join(names) or "none"))
    say("protected tables: " + (", ".join(sorted(found["protected_tables"])) or "none"))
    changed = [f"{rule} ({severity})" for rule, severity in sorted(found["severities"].items())]
    say("changed severities: " + (", ".join(changed) or "none"))


def _shown(setting: str, value: Any) -> str:
    """The value of a setting in words."""
    match value:
        case None:
            return "none" if setting == "owner_role" else "no limit"
        case list() as several:
            return ", ".join(several)
    return str(value)


@app.command("set")
def set_setting(
    setting: Annotated[
        str, typer.Argument(help="A setting, as `schemad policy show` lists it.", autocompletion=_settings)
    ],
    value: Annotated[str, typer.Argument(help="Its value; `none` for no limit.")],
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Change a setting; daemons follow at once."""
    _change(dsn, as_json, f"{setting} = {value}", "set_policy", setting, None if value == "none" else value)


@app.command()
def protect(
    table: Annotated[str, typer.Argument(help="Name of the table.")],
    reason: Annotated[
        str | None, typer.Option("--reason", "-r", help="Why; kept with the name.", show_default=False)
    ] = None,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Protect a name: no request may have it, and none references it without review."""
    _change(dsn, as_json, f"{table} is protected", "protect_table", table, reason)


@app.command()
def unprotect(
    table: Annotated[str, typer.Argument(help="Name of the table.")], dsn: Dsn = None, as_json: Json = False
) -> None:
    """Take a name off the protected ones."""
    _change(dsn, as_json, f"{table} is not protected any more", "unprotect_table", table)


@app.command()
def allow_type(
    name: Annotated[str, typer.Argument(metavar="TYPE", help="Name of the type.", autocompletion=_types)],
    review: Annotated[bool, typer.Option("--review", help="After review only.")] = False,
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Let requests have fields of a type; types of extensions, enums and domains too."""
    _change(dsn, as_json, f"{name}: {'after review' if review else 'by itself'}", "allow_type", name, not review)


@app.command()
def disallow_type(
    name: Annotated[str, typer.Argument(metavar="TYPE", help="Name of the type.", autocompletion=_types)],
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Refuse a type."""
    _change(dsn, as_json, f"{name} is refused from now on", "disallow_type", name)


@app.command()
def severity(
    rule: Annotated[
        str, typer.Argument(help="Id of the rule; `schemad rules` lists them.", autocompletion=_rules)
    ],
    to: Annotated[SeverityOrDefault, typer.Argument(metavar="SEVERITY", help="refuse, review, warn, or default.")],
    dsn: Dsn = None,
    as_json: Json = False,
) -> None:
    """Judge a rule more or less severely, where that is safe."""
    _change(
        dsn, as_json, f"{rule}: {to}", "set_rule_severity", rule, None if to is SeverityOrDefault.DEFAULT else to
    )


def _change(dsn: str | None, as_json: bool, done: str, function: str, *arguments: object) -> None:
    async def work(connection: Connection) -> dict[str, Any] | None:
        await policies.change(connection, function, *arguments)
        return await policies.shown(connection) if as_json else None

    # A type is looked up as in psql; all else is by names of schemad's.
    found = asyncio.run(with_connection(dsn, work, pinned=function != "allow_type"))
    if as_json:
        print_json(found)
    else:
        say(done)
