"""Output: how requests, findings and plans look on a terminal, and as JSON."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from rich import box
from rich.console import Console
from rich.syntax import Syntax
from rich.table import Table
from rich.text import Text

out = Console()
err = Console(stderr=True)

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


def print_json(value: Any) -> None:
    """Prints a value as JSON, for programs."""
    print(json.dumps(value, default=_plain, ensure_ascii=False, indent=2))


def print_error(message: str) -> None:
    """Prints what went wrong, and what to do, on standard error."""
    err.print(Text.assemble(("schemad: ", "bold red"), message), soft_wrap=True)


def say(message: str, style: str = "") -> None:
    """Prints a line. The message is text, not markup: it may come from a request."""
    out.print(Text(message, style=style), soft_wrap=True)


def state(request: Mapping[str, Any]) -> str:
    """How a request stands: its status once decided, else review, failed or queued."""
    if request["status"] != "pending":
        return str(request["status"])
    return request["verdict"] or "queued"


def print_requests(requests: Sequence[Mapping[str, Any]]) -> None:
    """Prints requests as a table."""
    if not requests:
        say("no requests")
        return
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column("id", justify="right")
    for name in ("table", "requester", "state", "submitted"):
        table.add_column(name)
    table.add_column("message", overflow="fold", ratio=1)
    for request in requests:
        table.add_row(
            str(request["id"]),
            Text(request["schema_name"]),
            Text(request["requester_user_id"]),
            Text(state(request), style=_STATES[state(request)]),
            f"{request['created_at']:%Y-%m-%d %H:%M:%S}",
            Text(request["message"]),
        )
    out.print(table)


def print_request(request: Mapping[str, Any]) -> None:
    """Prints everything about one request."""
    standing = state(request)
    say(f"request {request['id']}: {request['schema_name']}", style="bold")
    out.print(Text.assemble("  ", (standing, _STATES[standing]), f" · {request['message']}"), soft_wrap=True)
    say(f"  asked for by {request['requester_user_id']} (role {request['requested_by']})")
    if request["last_error"]:
        say(f"  last error: {request['last_error']} (attempt {request['attempts']})")
    print_findings(request["findings"])
    if request["plan_sql"]:
        print_sql(request["plan_sql"])


def print_findings(findings: Iterable[Mapping[str, Any]]) -> None:
    """Prints findings, each with what would pass."""
    for finding in findings:
        subject = f"{finding['field']}: " if finding["field"] else ""
        severity = finding["severity"]
        out.print(
            Text.assemble(
                "  ",
                (f"{severity:6} ", _SEVERITIES[severity]),
                f"{subject}{finding['message']} ",
                (f"[{finding['rule']}]", "dim"),
            ),
            soft_wrap=True,
        )
        if finding["hint"]:
            out.print(Text(f"         {finding['hint']}", style="dim"), soft_wrap=True)


def print_sql(sql: str) -> None:
    """Prints SQL; coloured on a terminal, as it is elsewhere."""
    if out.is_terminal:
        out.print(Syntax(sql, "postgresql", theme="ansi_dark", background_color="default", word_wrap=True))
    else:
        print(sql)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"no JSON for {type(value).__name__}")
