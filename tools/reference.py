"""Writes the pages of docs/reference/ that the code itself can tell, or with --check says which are out of date.

Run it from the checkout: python -m tools.reference
"""

import argparse
import asyncio
import json
import sys
import tempfile
import textwrap
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperArgument, TyperGroup, TyperOption

from schemad.cli.app import VERBS, program
from schemad.cli.exit_code import ExitCode
from schemad.embedded import EmbeddedPostgres
from schemad.policy.expressions import ALLOWED_FUNCTIONS, ALLOWED_OPERATORS
from schemad.policy.rules import all_rules
from schemad.request import Severity
from schemad.request.schema import payload_schema
from schemad.settings import Settings
from schemad.store import connect, migrate
from tools.database_pages import pages_of_database
from tools.json_page import json_page
from tools.markdown import DIRECTORY, head, read, table, with_part
from tools.observe_pages import events_page, metrics_page

_SEVERITIES = {
    Severity.REFUSE: "Nobody can approve such a request: there is no SQL that would be right.",
    Severity.REVIEW: "Such a request waits for a person.",
    Severity.WARN: "It is said, and changes nothing.",
}
# Marks a rule whose severity a policy may change.
_ADJUSTABLE = " \\*"
_RULES_INTRO = """\
A finding names the rule that it comes from.
Rule ids are stable, so programs may match on them.
`schemad rules` prints this list, and `schemad rules --json` prints it for programs.

Of a rule with \\* [the policy](../how-to/change-the-policy.md#severities) may change the severity.
The others guard the database, or say that there is no SQL that would be right.
"""
_SETTINGS_INTRO = """\
Settings of a process are environment variables.
What counts as low-risk is not among them: that is [in the database](../how-to/change-the-policy.md).
"""
_SETTINGS_END = """\

`SCHEMAD_ENV_FILE` names a file with further ones, one a line; the environment goes before it.
A daemon reads it anew on SIGHUP:
see [change settings while it runs](../how-to/run-the-daemon.md#change-settings-while-it-runs).
`SCHEMAD_DSN`, `SCHEMAD_LISTEN_DSN` and `SCHEMAD_PASSWORD` may be files instead: `schemad.dsn`,
`schemad.listen_dsn` and `schemad.password` in the directory that `CREDENTIALS_DIRECTORY` names.
[systemd](../how-to/run-under-systemd.md#settings) makes such a directory.
A variable goes before such a file.
`--dsn` on the command line goes before `SCHEMAD_DSN`.
A DSN may name several hosts: the daemon works on the one that takes writes, unless `target_session_attrs` says
otherwise.
Where neither is set, PostgreSQL's own variables count: `PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD`, `PGDATABASE`,
and the password file.
`SCHEMAD_PG_BIN` names the directory of the server's programs for `schemad dev`, `demo` and `bench`.
"""
_CLI_INTRO = """\
A verb is called as its function of the [SQL API](sql-api.md): `schemad approve` calls `approve_request()`,
`schemad policy protect` calls `protect_table()`.
"""
_CLI_END = """\
`schemad psql` ends with the code of psql.

## Output

What was asked for goes to standard output; errors, hints and progress go to standard error.
An error says what is wrong and what to do, often the next command to try.

[With `--json`](json.md) the output is for programs.

On a terminal, output is coloured, and what takes more than a second shows how far it is.
In a pipe or a file there is neither, and a table has one line a row, however long.

| variable | what it does |
| --- | --- |
| `NO_COLOR` | of any value but an empty one: no colours, and nothing bold |
| `FORCE_COLOR` | of any value but an empty one: colours in a pipe or a file too |
| `TERM` | `dumb`: no colours and no progress |
| `COLUMNS` | the width of the terminal, where it can't be asked |

## Completion

Bash, zsh and fish complete verbs, options and the values that are known without a database, such as statuses,
settings and rules.
Have the shell read the script that `schemad completion` prints, in its start-up file:

```sh by=completion
eval "$(schemad completion bash)"      # ~/.bashrc
eval "$(schemad completion zsh)"       # ~/.zshrc, after compinit
schemad completion fish | source       # ~/.config/fish/config.fish
```

Packages install it where the shell looks by itself: as `schemad` in `/usr/share/bash-completion/completions`, as
`_schemad` in `/usr/share/zsh/site-functions`, as `schemad.fish` in `/usr/share/fish/vendor_completions.d`.
"""


def rules_page() -> str:
    """Every rule: what it looks at, what it does, what would pass."""
    parts = [
        head("Rules"),
        _RULES_INTRO,
        table(("severity", "what it does"), ((f"`{s}`", text) for s, text in _SEVERITIES.items())),
    ]
    for severity in _SEVERITIES:
        rows = [
            (f"`{rule.id}`" + _ADJUSTABLE * rule.adjustable, rule.looks_at, rule.hint)
            for rule in all_rules().values()
            if rule.severity is severity
        ]
        parts += [f"\n## {severity}\n", table(("rule", "looks at", "what would pass"), rows)]
    parts.append(
        "\n## When PostgreSQL refuses\n\n"
        "A plan that PostgreSQL itself refuses leaves a finding `apply.failed`, with its message and SQLSTATE, "
        "and the verdict `failed`.\n"
        "The rules of [the errors at submit](errors.md) have ids of the same form.\n"
    )
    return "\n".join(parts)


def settings_page() -> str:
    """Every environment variable of the process."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default
        shown = "unset" if default is None else f"`{_plain(default)}`"
        limits = [_limit(constraint) for constraint in field.metadata]
        unit = "seconds" if isinstance(default, float) else ""
        range_ = " ".join([*filter(None, limits), unit]).strip()
        rows.append((f"`SCHEMAD_{name.upper()}`", shown, range_, field.description or ""))
    return "\n".join(
        [
            head("Settings"),
            _SETTINGS_INTRO,
            table(("variable", "default", "range", "what it is"), rows),
            _SETTINGS_END,
        ]
    )


def cli_page() -> str:
    """Every verb, with its options."""
    command = typer.main.get_command(program())
    context = typer.Context(command, info_name="schemad")
    parts = [
        head("Command line"),
        (command.help or "") + "\n",
        _CLI_INTRO,
        table(("verb", "what it does"), ((f"`{name}`", verb.summary) for name, verb in VERBS.items())),
        "\n## Exit codes\n\nThe same for all verbs:\n",
        table(("code", "what it means"), ((f"`{code.value}`", code.meaning) for code in ExitCode)),
        "",
        _CLI_END,
    ]
    assert isinstance(command, TyperGroup)  # noqa: S101 - for the type checker
    for name in VERBS:
        verb = command.get_command(context, name)
        if isinstance(verb, TyperGroup):
            parts += [f"## schemad {name}\n", _prose(verb.help or "")]
            further = typer.Context(verb, info_name=name, parent=context)
            for second in verb.list_commands(further):
                parts += _verb(f"### schemad {name}", second, verb.get_command(further, second))
        else:
            parts += _verb("## schemad", name, verb)
    return "\n".join(parts).rstrip() + "\n"


def _verb(head: str, name: str, verb: Any) -> list[str]:
    """A verb with its arguments and options."""
    arguments = [p for p in verb.params if isinstance(p, TyperArgument)]
    parts = [f"{head} {' '.join([name, *map(_placeholder, arguments)])}\n", _prose(verb.help or "")]
    if explained := [p for p in arguments if p.help]:
        described = [(f"`{_placeholder(p)}`", p.help or "") for p in explained]
        parts.append(table(("argument", "what it is"), described) + "\n")
    if rows := [_option_row(p) for p in verb.params if isinstance(p, TyperOption)]:
        parts.append(table(("option", "default", "what it does"), rows))
    return [*parts, ""]


def _placeholder(argument: TyperArgument) -> str:
    """What stands for an argument, as --help has it."""
    return argument.metavar or (argument.name or "").upper()


def payload_page() -> str:
    """The page on payloads, with what expressions may use without a review."""
    parts = {
        "functions": ", ".join(f"`{name}`" for name in sorted(ALLOWED_FUNCTIONS)),
        "operators": " ".join(f"`{o}`" for o in sorted(ALLOWED_OPERATORS) if not o[0].isalpha()),
    }
    text = read(DIRECTORY / "payload.md")
    for name, part in parts.items():
        text = with_part(text, name, "\n".join(textwrap.wrap(part, 118, break_on_hyphens=False)))
    return text


def pages_of_code() -> dict[str, str]:
    """The pages that need no database, by file name."""
    return {
        "rules.md": rules_page(),
        "settings.md": settings_page(),
        "cli.md": cli_page(),
        "json.md": json_page(),
        "payload.md": payload_page(),
        "metrics.md": metrics_page(),
        "events.md": events_page(),
        "payload.schema.json": json.dumps(payload_schema(), indent=2, ensure_ascii=False) + "\n",
    }


def _prose(text: str) -> str:
    """Help as paragraphs, without the line breaks that the source happens to have."""
    return "".join(" ".join(paragraph.split()) + "\n\n" for paragraph in text.split("\n\n")).rstrip() + "\n"


def _plain(value: object) -> str:
    """A default as one would write it."""
    return (
        str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
    )


def _limit(constraint: object) -> str:
    """A constraint of annotated_types in words."""
    for name, words in (("ge", "from"), ("gt", "over"), ("le", "to")):
        if (limit := getattr(constraint, name, None)) is not None:
            return f"{words} {limit}"
    return ""


def _option_row(option: TyperOption) -> tuple[str, str, str]:
    names = [*option.opts, *option.secondary_opts]
    default = option.default
    if option.required:
        shown = "required"
    elif default is not None and option.is_flag and option.secondary_opts:
        shown = f"`{option.opts[0] if default else option.secondary_opts[0]}`"
    elif option.is_flag or default is None:
        shown = ""
    else:
        shown = f"`{_plain(default)}`"
    return ", ".join(f"`{name}`" for name in names), shown, option.help or ""


async def _pages(server: EmbeddedPostgres) -> dict[str, str]:
    connection = await connect(server.dsn(), job="reference")
    try:
        await migrate(connection)
        return pages_of_code() | await pages_of_database(connection)
    finally:
        await connection.close()


def main() -> int:
    """Writes the pages; with --check, returns 1 where one is out of date."""
    parser = argparse.ArgumentParser(prog="python -m tools.reference", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if a page is out of date")
    check = parser.parse_args().check
    with (
        tempfile.TemporaryDirectory(prefix="schemad-reference-") as directory,
        EmbeddedPostgres(Path(directory) / "data") as server,
    ):
        pages = asyncio.run(_pages(server))
    stale = [name for name, text in pages.items() if read(DIRECTORY / name) != text]
    for name in stale:
        if not check:
            (DIRECTORY / name).write_text(pages[name], encoding="utf-8")
        print(f"{'out of date' if check else 'wrote'}: docs/reference/{name}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
