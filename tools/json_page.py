"""The page on --json, written from the shapes that tests hold its output to."""

from enum import Enum
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints, is_typeddict

from schemad.cli.json_shapes import OUTPUTS, PolicySettings, Request
from tools.markdown import head, table

_INTRO = """\
Every verb that prints data prints it as JSON with `--json`, for programs.

- It is one document on standard output, indented, with a line break at the end.
  `schemad dev` keeps running, and prints its document on one line as soon as all is ready.
- Errors, hints and progress are text on standard error; the [exit code](cli.md#exit-codes) tells them apart.
  Where a verb fails before it has something to print, standard output is empty.
- A time is ISO 8601 with its zone, such as `2026-11-24T17:22:00.385762+00:00`.
  No language, locale or setting of the database changes how anything is written.
- It is UTF-8. Characters that can't be seen are escaped.

**What you can rely on.**
These fields stay, with their names, types and meanings.
Fields may be added, and so may values of `rule`: pass over what you don't know.
What has to change otherwise is under Changed in the changelog, and after 1.0.0 in major versions only.
A `message`, `hint`, `found` or `mend` is for people: its wording may change at any time.

`schemad schema` prints JSON in any case, the [JSON Schema](payload.schema.json) of a payload.
`schemad run` logs JSON lines; [events](events.md) has them.
"""
# Where the fields of a shape are explained.
_EXPLAINED = {Request: "tables.md#schema_requests", PolicySettings: "tables.md#policy"}


def json_page() -> str:
    """What each verb prints with --json."""
    parts = [head("JSON output"), _INTRO]
    verbs = [(", ".join(f"`{verb}`" for verb in output.verbs), _type(output.shape)) for output in OUTPUTS]
    parts += [table(("`schemad …`", "prints"), verbs), ""]
    for shape in _shapes():
        parts += [f"## {_name(shape)}\n", _told(shape)]
        rows = [(f"`{name}`", *_field(hint)) for name, hint in get_type_hints(shape, include_extras=True).items()]
        parts += [table(("field", "type", "what it is"), rows), ""]
    return "\n".join(parts).rstrip() + "\n"


def _told(shape: Any) -> str:
    """The docstring, with a link to where the fields are explained."""
    text = " ".join((shape.__doc__ or "").split())
    where = _EXPLAINED.get(shape)
    return f"{text}\n[Tables]({where}) tells what they are.\n" if where else f"{text}\n"


def _shapes() -> list[Any]:
    """Every TypedDict that is printed, each after the one that it is in."""
    found: list[Any] = []

    def look(hint: Any) -> None:
        if is_typeddict(hint):
            if hint not in found:
                found.append(hint)
                for field in get_type_hints(hint).values():
                    look(field)
        else:
            for part in get_args(hint):
                look(part)

    for output in OUTPUTS:
        look(output.shape)
    return found


def _name(shape: Any) -> str:
    return str(shape.__name__.removesuffix("Row"))


def _field(hint: Any) -> tuple[str, str]:
    """The type of a field, and what it is."""
    if get_origin(hint) is Annotated:
        plain, said = get_args(hint)
        if said != "time":
            return _type(plain), said
    return _type(hint), ""


def _type(hint: Any) -> str:
    """A type in words."""
    origin, parts = get_origin(hint), get_args(hint)
    match hint:
        case _ if origin is Annotated:
            return "time" if parts[1] == "time" else _type(parts[0])
        case _ if origin in {Union, UnionType}:
            return " or ".join(_type(part) for part in parts)
        case _ if origin is Literal:
            return ", ".join(f"`{part}`" for part in parts)
        case _ if origin is list:
            return f"list of {_type(parts[0])}"
        case _ if origin is dict:
            what = "" if parts[1] is Any else f" of {_type(parts[1])}"
            return f"object{what}"
        case _ if is_typeddict(hint):
            return f"[{_name(hint)}](#{_name(hint).lower()})"
        case type() if issubclass(hint, Enum):
            return ", ".join(f"`{each.value}`" for each in hint)
    return {str: "string", int: "integer", float: "number", bool: "boolean", NoneType: "null"}[hint]
