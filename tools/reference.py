"""Writes the pages of docs/reference/ that the code itself can tell, or with --check says which are out of date.

Run it from the checkout: python -m tools.reference
"""

import argparse
import asyncio
import re
import sys
import tempfile
import textwrap
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import typer
from typer.core import TyperArgument, TyperGroup, TyperOption

from schemad.cli.app import app
from schemad.embedded import EmbeddedPostgres
from schemad.policy.expressions import ALLOWED_FUNCTIONS, ALLOWED_OPERATORS
from schemad.policy.rules import all_rules
from schemad.request import Severity
from schemad.settings import Settings
from schemad.store import Connection, connect, migrate

DIRECTORY = Path(__file__).resolve().parents[1] / "docs" / "reference"
_NOTICE = "<!-- Written by `python -m tools.reference`. Change the code it is read from, not this page. -->"

_SEVERITIES = {
    Severity.REFUSE: "Nobody can approve such a request: there is no SQL that would be right.",
    Severity.REVIEW: "Such a request waits for a person.",
    Severity.WARN: "It is said, and changes nothing.",
}
# Marks a rule whose severity a policy may change.
_ADJUSTABLE = " \\*"
# Of the roles that people and programs are granted, by what they do.
_ROLES = {"schemad_requester": "requester", "schemad_reviewer": "reviewer", "schemad_daemon": "daemon"}

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
`--dsn` on the command line goes before `SCHEMAD_DSN`.
A DSN may name several hosts: the daemon works on the one that takes writes, unless `target_session_attrs` says
otherwise.
Where neither is set, PostgreSQL's own variables count: `PGHOST`, `PGPORT`, `PGUSER`, `PGPASSWORD`, `PGDATABASE`,
and the password file.
`SCHEMAD_PG_BIN` names the directory of the server's programs for `schemad dev`, `demo` and `bench`.
"""
_CLI_INTRO = """\
Every verb exits with 0 on success, 1 where the database or the server said no, 2 where the command line, a file or
a setting is wrong, and 130 on Ctrl-C.
What a verb adds to that stands with it.
"""
_API_INTRO = """\
All of it is in the schema `schemad`.
Arguments may be given by name, as in `schemad.list_requests(status => 'pending')`.
`\\df+ schemad.*` shows the same text in psql.

A plain `INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload)` is as good as
`submit_request()`: the same trigger checks it.
"""
_INTERNAL = """\
## Internal

These serve the functions above, the triggers and the daemon.
Their signatures may change with any version.
"""
_TABLES_INTRO = """\
All of them are in the schema `schemad`.
Whoever ran `schemad migrate` owns them; [privileges](privileges.md) tells what the roles are for.
"""

_FUNCTIONS = """
SELECT p.proname AS name,
  p.prokind = 'p' AS is_procedure,
  pg_get_function_arguments(p.oid) AS arguments,
  pg_get_function_result(p.oid) AS result,
  obj_description(p.oid, 'pg_proc') AS comment,
  array(
    SELECT r.rolname::text FROM unnest($1::text[]) WITH ORDINALITY AS g (name, place)
    JOIN pg_roles AS r ON r.rolname = g.name
    WHERE has_function_privilege(r.oid, p.oid, 'EXECUTE')
    ORDER BY g.place
  ) AS roles
FROM pg_proc AS p
WHERE p.pronamespace = 'schemad'::regnamespace AND p.prorettype <> 'trigger'::regtype
ORDER BY p.proname
"""

_RELATIONS = """
SELECT c.oid, c.relname AS name, c.relkind = 'v' AS is_view, obj_description(c.oid, 'pg_class') AS comment
FROM pg_class AS c
WHERE c.relnamespace = 'schemad'::regnamespace AND c.relkind IN ('r', 'v')
ORDER BY c.relname
"""

_COLUMNS = """
SELECT a.attname AS name,
  format_type(a.atttypid, a.atttypmod) AS type,
  a.attnotnull AS not_null,
  CASE WHEN a.attidentity <> '' THEN 'identity' ELSE pg_get_expr(d.adbin, d.adrelid) END AS "default",
  col_description(a.attrelid, a.attnum) AS comment
FROM pg_attribute AS a
LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attnum
"""

_PRIVILEGES = """
SELECT r.rolname::text AS role,
  array(
    SELECT p.privilege FROM unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) WITH ORDINALITY AS p (privilege, place)
    WHERE has_table_privilege(r.oid, $1::oid, p.privilege)
    ORDER BY p.place
  ) AS whole,
  array(
    SELECT concat(p.privilege, ' of ', string_agg(a.attname, ', ' ORDER BY a.attnum))
    FROM unnest('{INSERT,UPDATE}'::text[]) AS p (privilege), pg_attribute AS a
    WHERE a.attrelid = $1::oid AND a.attnum > 0 AND NOT a.attisdropped
      AND NOT has_table_privilege(r.oid, $1::oid, p.privilege)
      AND has_column_privilege(r.oid, $1::oid, a.attnum, p.privilege)
    GROUP BY p.privilege
    ORDER BY p.privilege
  ) AS columns
FROM unnest($2::text[]) WITH ORDINALITY AS g (name, place)
JOIN pg_roles AS r ON r.rolname = g.name
ORDER BY g.place
"""


def rules_page() -> str:
    """Every rule: what it looks at, what it does, what would pass."""
    parts = [
        _head("Rules"),
        _RULES_INTRO,
        _table(("severity", "what it does"), ((f"`{s}`", text) for s, text in _SEVERITIES.items())),
    ]
    for severity in _SEVERITIES:
        rows = [
            (f"`{rule.id}`" + _ADJUSTABLE * rule.adjustable, rule.looks_at, rule.hint)
            for rule in all_rules().values()
            if rule.severity is severity
        ]
        parts += [f"\n## {severity}\n", _table(("rule", "looks at", "what would pass"), rows)]
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
            _head("Settings"),
            _SETTINGS_INTRO,
            _table(("variable", "default", "range", "what it is"), rows),
            _SETTINGS_END,
        ]
    )


def cli_page() -> str:
    """Every verb, with its options."""
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="schemad")
    parts = [
        _head("Command line"),
        (command.help or "") + "\n",
        _CLI_INTRO,
    ]
    assert isinstance(command, TyperGroup)  # noqa: S101 - for the type checker
    for name in command.list_commands(context):
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
    parts = [f"{head} {' '.join([name, *((p.name or '').upper() for p in arguments)])}\n", _prose(verb.help or "")]
    if explained := [p for p in arguments if p.help]:
        described = [(f"`{(p.name or '').upper()}`", p.help or "") for p in explained]
        parts.append(_table(("argument", "what it is"), described) + "\n")
    if rows := [_option_row(p) for p in verb.params if isinstance(p, TyperOption)]:
        parts.append(_table(("option", "default", "what it does"), rows))
    return [*parts, ""]


async def sql_api_page(connection: Connection) -> str:
    """Every function of the schema, from its comment.

    Args:
        connection: To a migrated database, with the roles installed.
    """
    rows = await connection.fetch(_FUNCTIONS, list(_ROLES))
    functions = [(row, [_ROLES[role] for role in row["roles"]]) for row in rows]
    api = [(row, who) for row, who in functions if {"requester", "reviewer"}.intersection(who)]
    internal = [(row, who) for row, who in functions if (row, who) not in api]
    parts = [
        _head("SQL API"),
        _API_INTRO,
    ]
    for row, who in api:
        kind = "CALL" if row["is_procedure"] else ""
        arguments = _arguments(row["arguments"])
        result = "" if row["is_procedure"] else f" → {row['result']}"
        parts += [
            f"## {row['name']}\n",
            "```text",
            f"{kind} schemad.{row['name']}({arguments}){result}".strip(),
            "```\n",
            f"{_text(row['comment'])}\n",
            f"Who may: {', '.join(who)}.\n",
        ]
    parts += [
        _INTERNAL,
        _table(
            ("function", "what it does", "who may"),
            ((f"`{row['name']}`", _text(row["comment"]), ", ".join(who) or "owner") for row, who in internal),
        ),
    ]
    return "\n".join(parts).rstrip() + "\n"


async def tables_page(connection: Connection) -> str:
    """Every table and view of the schema, from its comments.

    Args:
        connection: To a migrated database, with the roles installed.
    """
    parts = [
        _head("Tables"),
        _TABLES_INTRO,
    ]
    for relation in await connection.fetch(_RELATIONS):
        columns = await connection.fetch(_COLUMNS, relation["oid"])
        rows = [
            (
                f"`{c['name']}`",
                f"{c['type']}{' NOT NULL' if c['not_null'] else ''}",
                f"`{c['default']}`" if c["default"] else "",
                _text(c["comment"]),
            )
            for c in columns
        ]
        parts += [
            f"## {relation['name']}{' (view)' if relation['is_view'] else ''}\n",
            f"{_text(relation['comment'])}\n",
            _table(("column", "type", "default", "what it is"), rows),
            "",
        ]
        for row in await connection.fetch(_PRIVILEGES, relation["oid"], list(_ROLES)):
            may = [", ".join(row["whole"]), *row["columns"]]
            parts.append(f"- {_ROLES[row['role']]}: {'; '.join(filter(None, may)) or 'nothing'}")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"


async def privileges_page(connection: Connection) -> str:
    """The page on privileges, with the exact grants of each role between the marks that it has for them.

    Args:
        connection: To a migrated database, with the roles installed.
    """
    text = _read(DIRECTORY / "privileges.md")
    relations = await connection.fetch(_RELATIONS)
    functions = await connection.fetch(_FUNCTIONS, list(_ROLES))
    for role in _ROLES:
        rows = []
        for relation in relations:
            held = await connection.fetchrow(_PRIVILEGES, relation["oid"], [role])
            assert held is not None  # noqa: S101 - the roles are installed
            if may := "; ".join(filter(None, [", ".join(held["whole"]), *held["columns"]])):
                rows.append((f"`{relation['name']}`", may))
        called = ", ".join(f"`{row['name']}()`" for row in functions if role in row["roles"])
        grants = _table(("on", "privileges"), [*rows, ("functions", f"EXECUTE of {called}")])
        text = _with_part(text, f"grants of {role}", grants)
    return text


def payload_page() -> str:
    """The page on payloads, with what expressions may use without a review."""
    parts = {
        "functions": ", ".join(f"`{name}`" for name in sorted(ALLOWED_FUNCTIONS)),
        "operators": " ".join(f"`{o}`" for o in sorted(ALLOWED_OPERATORS) if not o[0].isalpha()),
    }
    text = _read(DIRECTORY / "payload.md")
    for name, part in parts.items():
        text = _with_part(text, name, "\n".join(textwrap.wrap(part, 118, break_on_hyphens=False)))
    return text


def pages_of_code() -> dict[str, str]:
    """The pages that need no database, by file name."""
    return {
        "rules.md": rules_page(),
        "settings.md": settings_page(),
        "cli.md": cli_page(),
        "payload.md": payload_page(),
    }


async def pages_of_database(connection: Connection) -> dict[str, str]:
    """The pages that are read from a migrated database, by file name."""
    return {
        "sql-api.md": await sql_api_page(connection),
        "tables.md": await tables_page(connection),
        "privileges.md": await privileges_page(connection),
    }


def _with_part(text: str, name: str, part: str) -> str:
    """A page that is written by hand, with the part that is not."""
    mark, end = f"<!-- {name}: written by `python -m tools.reference` -->\n", "<!-- end -->"
    before, _, after = text.partition(mark)
    return f"{before}{mark}\n{part}\n\n{end}{after.partition(end)[2]}"


def _head(title: str) -> str:
    return f"# {title}\n\n{_NOTICE}\n"


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(_cell(cell) for cell in line) + " |" for line in lines)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


def _text(comment: str | None) -> str:
    return " ".join((comment or "").split())


def _prose(text: str) -> str:
    """Help as paragraphs, without the line breaks that the source happens to have."""
    return "".join(" ".join(paragraph.split()) + "\n\n" for paragraph in text.split("\n\n")).rstrip() + "\n"


def _plain(value: object) -> str:
    """A default as one would write it."""
    return (
        str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)
    )


def _arguments(arguments: str) -> str:
    """The arguments of a function, one a line where there are many; without casts that say nothing new."""
    listed = [re.sub(r"^IN |::\w+$", "", argument) for argument in arguments.split(", ")]
    return ", ".join(listed) if len(listed) <= 2 else "\n  " + ",\n  ".join(listed) + "\n"


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
    stale = [name for name, text in pages.items() if _read(DIRECTORY / name) != text]
    for name in stale:
        if not check:
            (DIRECTORY / name).write_text(pages[name], encoding="utf-8")
        print(f"{'out of date' if check else 'wrote'}: docs/reference/{name}")
    return 1 if check and stale else 0


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


if __name__ == "__main__":
    sys.exit(main())
