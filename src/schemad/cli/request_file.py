"""Request files: JSON from a file or standard input, as a name and a payload."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typer


@dataclass(frozen=True, slots=True)
class RequestFile:
    """A request as a file has it.

    Attributes:
        schema_name: The name of the table.
        payload: The payload, as JSON text.
        requester_user_id: Who asks, where the file says so.
    """

    schema_name: str
    payload: str
    requester_user_id: str | None


def read_request_file(path: str, name: str | None) -> RequestFile:
    """Reads a request: {"schema_name": …, "request_payload": …} or, with a name given, the payload alone.

    Args:
        path: The file; - for standard input.
        name: The name of the table, which goes before the file's own.

    Raises:
        typer.BadParameter: It can't be read, is no JSON, or has no name.
    """
    try:
        text = sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise typer.BadParameter(f"can't read {path}: {error}") from error
    try:
        value: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise typer.BadParameter(f"{path} is not JSON: {error}") from error

    if not isinstance(value, dict) or "request_payload" not in value:
        if name is None:
            raise typer.BadParameter(
                f'{path} names no table: give --name, or {{"schema_name": …, "request_payload": …}}'
            )
        return RequestFile(name, text, None)
    given = name or value.get("schema_name")
    if not isinstance(given, str):
        raise typer.BadParameter(f"{path} has no schema_name; give --name")
    requester = value.get("requester_user_id")
    return RequestFile(
        given,
        json.dumps(value["request_payload"], ensure_ascii=False),
        requester if isinstance(requester, str) else None,
    )
