"""Request files: JSON from a file or standard input, as a name and a payload."""

import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import typer

# NUL, and halves of a surrogate pair, which JSON may have by their numbers.
_UNSTORABLE = re.compile(r"[\x00\ud800-\udfff]")


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
        typer.BadParameter: It can't be read, is no JSON, has what jsonb can't hold, or has no name.
    """
    source = "standard input" if path == "-" else path
    try:
        content = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
        text = content.decode("utf-8-sig")  # editors of some systems put a byte order mark first
    except OSError as error:
        raise typer.BadParameter(f"can't read {source}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise typer.BadParameter(f"{source} is not UTF-8: {error}") from error
    try:
        value: Any = _decoder().decode(text)
    except RecursionError as error:
        raise typer.BadParameter(f"{source} is nested too deeply") from error
    except ValueError as error:
        raise typer.BadParameter(f"{source} is not JSON: {error}") from error
    if unstorable := _unstorable(value):
        raise typer.BadParameter(f"{source} has {unstorable}, which PostgreSQL keeps in no text: leave it out")

    if not isinstance(value, dict) or "request_payload" not in value:
        if name is None:
            raise typer.BadParameter(
                f'{source} names no table: give --name, or {{"schema_name": …, "request_payload": …}}'
            )
        return RequestFile(name, text, None)
    given = name or value.get("schema_name")
    if not isinstance(given, str):
        raise typer.BadParameter(f"{source} has no schema_name that is a string; give --name")
    requester = value.get("requester_user_id")
    if not isinstance(requester, str | None):
        raise typer.BadParameter(f"{source} has a requester_user_id that is not a string")
    return RequestFile(given, _member_text(text, "request_payload"), requester)


def _member_text(text: str, wanted: str) -> str:
    """A member of a JSON object as it is written there: read and written anew, numbers would lose digits."""
    read = _decoder().raw_decode
    found = ""
    at = _next(text, 0)
    while text[at] != "}":
        # At "{" or ",": a key comes next, and a colon after it.
        key, at = read(text, _next(text, at + 1))
        start = _next(text, _next(text, at) + 1)
        _, end = read(text, start)
        if key == wanted:
            found = text[start:end]
        at = _next(text, end)
    return found


def _decoder() -> json.JSONDecoder:
    """What reads a request as JSON, of which the numbers are passed on as they are written.

    A float takes any number of digits, an int of Python's does not.
    """
    return json.JSONDecoder(parse_int=float, parse_constant=_no_json)


def _no_json(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is none of its numbers; leave it out, or write null")


def _unstorable(value: Any) -> str | None:
    """A character in a value of JSON that jsonb refuses, by its number; None where there is none."""
    waiting = [value]
    while waiting:
        match waiting.pop():
            case dict() as members:
                waiting += [*members.keys(), *members.values()]
            case list() as members:
                waiting += members
            case str() as text if found := _UNSTORABLE.search(text):
                return f"the character U+{ord(found[0]):04X}"
    return None


def _next(text: str, at: int) -> int:
    """Where the next thing of JSON begins."""
    while text[at] in " \t\n\r":
        at += 1
    return at
