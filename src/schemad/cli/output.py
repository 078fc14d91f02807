"""Output: how requests, findings and plans look on a terminal, and as JSON."""

import codecs
import json
import os
import re
import sys
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal, TextIO

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from schemad.cli.json_writer import written

# Rich leaves bold and dim where there is to be no colour; who asks for that wants text.
_COLORS: Literal["auto"] | None = None if os.environ.get("NO_COLOR") else "auto"

out = Console(color_system=_COLORS)
err = Console(stderr=True, color_system=_COLORS)
_UNLIMITED = 100_000
# What has to be looked at one by one: all but printable ASCII.
_SUSPECT = re.compile(r"[^\n -~]")
# Controls, formats (those that are invisible or turn text around among them), surrogates, private and unassigned
# characters, separators of lines and paragraphs: what a terminal obeys, hides or shows as it likes.
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})

_BEYOND_ASCII = re.compile("[^\x00-\x7f]")
# How a request stands, in one word, and its colour.
_STATES = {
    "approved": "green",
    "rejected": "red",
    "cancelled": "dim",
    "review": "yellow",
    "failed": "red",
    "queued": "cyan",
}
_SEVERITIES = {"refuse": "red", "review": "yellow", "warn": "cyan"}


def print_json(value: Any, indent: int | None = 2) -> None:
    """Prints a value as JSON, for programs: one document, on one line where `indent` is None."""
    # JSON itself escapes the first 32 controls only.
    text = _SUSPECT.sub(lambda c: _escaped(c) if _is_unseen(c[0]) else c[0], written(value, indent))
    if not _is_utf8(sys.stdout):
        text = _BEYOND_ASCII.sub(_escaped, text)
    print(text, flush=True)


def _escaped(character: re.Match[str]) -> str:
    """A character as JSON has it in ASCII."""
    return json.dumps(character[0])[1:-1]


def _is_utf8(stream: TextIO) -> bool:
    return codecs.lookup(getattr(stream, "encoding", None) or "utf-8").name == "utf-8"


def print_error(message: str) -> None:
    """Prints what went wrong, and what to do, on standard error."""
    err.print(Text.assemble(("schemad: ", "bold red"), visible(message)), soft_wrap=True)


def print_hint(message: str) -> None:
    """Prints advice on standard error, where it is in no program's way."""
    err.print(Text(f"hint: {visible(message)}", style="dim"), soft_wrap=True)


def say(message: str, style: str = "") -> None:
    """Prints a line. The message is text, not markup: it may come from a request."""
    out.print(Text(visible(message), style=style), soft_wrap=True)


def visible(text: str) -> str:
    """Text with numbers for the characters that can't be seen as they are, such as <U+200B>; line breaks stay."""
    return _SUSPECT.sub(lambda c: f"<U+{ord(c[0]):04X}>" if _is_unseen(c[0]) else c[0], text)


def one_line(text: str) -> str:
    """Visible text on one line: what a request brought can't pass for another line of the output."""
    return visible(text.replace("\n", " ").replace("\t", " "))


def _is_unseen(character: str) -> bool:
    return unicodedata.category(character) in _UNSEEN


def state(request: Mapping[str, Any]) -> str:
    """How a request stands: its status once decided, else review, failed or queued."""
    if request["status"] != "pending":
        return str(request["status"])
    return request["verdict"] or "queued"


def is_held(request: Mapping[str, Any]) -> bool:
    """Whether a request has a plan that waits for a person."""
    return state(request) in {"review", "failed"}


def print_requests(requests: Sequence[Mapping[str, Any]]) -> None:
    """Prints requests as a table."""
    if not requests:
        say("no requests")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("id", justify="right", no_wrap=True)
    for name in ("table", "requester"):
        table.add_column(name, overflow="fold")
    for name in ("state", "submitted"):
        table.add_column(name, no_wrap=True)
    table.add_column("message", overflow="fold")
    for request in requests:
        table.add_row(
            str(request["id"]),
            Text(one_line(request["schema_name"])),
            Text(one_line(request["requester_user_id"])),
            Text(state(request), style=_STATES[state(request)]),
            f"{request['created_at'].astimezone():%Y-%m-%d %H:%M:%S}",
            Text(one_line(request["message"])),
        )
    print_table(table)


def print_table(table: Table) -> None:
    """Prints a table; in a pipe one line a row, as there is no width to fit it into."""
    (out if sys.stdout.isatty() else Console(color_system=_COLORS, width=_UNLIMITED)).print(table)


def print_standing(request: Mapping[str, Any]) -> None:
    """Prints which request it is and how it stands."""
    say(f"request {request['id']}: {one_line(request['schema_name'])}", style="bold")
    standing, message = state(request), one_line(request["message"])
    out.print(Text.assemble("  ", (standing, _STATES[standing]), f" · {message}"), soft_wrap=True)


def print_request(request: Mapping[str, Any]) -> None:
    """Prints everything about one request."""
    print_standing(request)
    say(f"  asked for by {one_line(request['requester_user_id'])} (role {one_line(request['requested_by'])})")
    if request["last_error"]:
        say(f"  last error: {one_line(request['last_error'])} (attempt {request['attempts']})")
    print_findings(request["findings"])
    if request["plan_sql"]:
        print_sql(request["plan_sql"])
    if is_held(request) and request["plan_digest"]:
        say(f"  plan digest: {request['plan_digest']}", style="dim")


def print_findings(findings: Iterable[Mapping[str, Any]]) -> None:
    """Prints findings, each with what would pass."""
    for finding in findings:
        subject = f"{finding['field']}: " if finding["field"] else ""
        severity = finding["severity"]
        out.print(
            Text.assemble(
                "  ",
                (f"{severity:6} ", _SEVERITIES[severity]),
                one_line(f"{subject}{finding['message']} "),
                (f"[{finding['rule']}]", "dim"),
            ),
            soft_wrap=True,
        )
        if finding["hint"]:
            say(f"         {finding['hint']}", style="dim")


def print_sql(sql: str) -> None:
    """Prints SQL; coloured on a terminal, as it is elsewhere."""
    sql = visible(sql)
    if out.is_terminal:
        from rich.syntax import Syntax  # noqa: PLC0415 - slow to load; only a terminal gets colours

        out.print(Syntax(sql, "postgresql", theme="ansi_dark", background_color="default", word_wrap=True))
    else:
        print(sql)
