"""JSON for programs: values as text, with what is JSON already as it is written."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from decimal import Decimal
from typing import Any

from schemad.json_text import JsonText

_TOKEN = re.compile(r'\{\s*\}|\[\s*\]|[{}\[\],:]|"[^"\\]*(?:\\.[^"\\]*)*"|[^\s{}\[\],:"]+')
# A request may nest thousands of lists: where the innermost stand to the right of all others, it takes megabytes.
_DEEPEST = 50


def written(value: Any, indent: int | None) -> str:
    """A value as JSON, on one line where `indent` is None."""
    text = "".join(_pieces(value))
    return text if indent is None else "".join(_laid_out(text, indent))


def _pieces(value: Any) -> Iterator[str]:
    match value:
        case JsonText():
            yield value
        case dict():
            yield "{"
            for number, (key, member) in enumerate(value.items()):
                yield f"{', ' if number else ''}{_scalar(str(key))}: "
                yield from _pieces(member)
            yield "}"
        case list() | tuple():
            yield "["
            for number, member in enumerate(value):
                yield ", " if number else ""
                yield from _pieces(member)
            yield "]"
        case _:
            yield _scalar(value)


def _scalar(value: Any) -> str:
    return json.dumps(value, default=_plain, ensure_ascii=False)


def _plain(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    raise TypeError(f"no JSON for {type(value).__name__}")


def _laid_out(text: str, indent: int) -> Iterator[str]:
    """JSON with a line for each member."""
    depth = 0
    for token in _TOKEN.findall(text):
        match token:
            case "{" | "[":
                depth += 1
                yield token + _line(depth, indent)
            case "}" | "]":
                depth -= 1
                yield _line(depth, indent) + token
            case ",":
                yield token + _line(depth, indent)
            case ":":
                yield ": "
            case _:
                yield token


def _line(depth: int, indent: int) -> str:
    return "\n" + " " * (indent * min(depth, _DEEPEST))
