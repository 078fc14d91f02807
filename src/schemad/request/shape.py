"""The shape: which keys a payload has, of which JSON types, and what is said where they are others."""

import re
from enum import StrEnum
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, ValidationError
from pydantic import Field as Key
from pydantic_core import ErrorDetails

from schemad.request.finding import Finding, Rule, Severity
from schemad.request.table import Action, IndexMethod, OnDelete
from schemad.request.text import shorten

_EXAMPLE = 'For example {"name": "title", "type": "text"}.'

PAYLOAD_UNKNOWN_KEY = Rule(
    "payload.unknown_key",
    Severity.REFUSE,
    "Keys that mean nothing: a mistyped one would otherwise be ignored.",
    "A payload has description, fields, primary_key, unique, checks, indexes, action; a field has "
    "name, type, nullable, default, unique, description, references, metadata.",
)
PAYLOAD_WRONG_TYPE = Rule(
    "payload.wrong_type",
    Severity.REFUSE,
    "The JSON type of each value.",
    "docs/reference/payload.md has the type of each key.",
)
PAYLOAD_NO_FIELDS = Rule(
    "payload.no_fields",
    Severity.REFUSE,
    "Whether there is at least one field to create.",
    'For example {"fields": [{"name": "title", "type": "text"}]}.',
)
PAYLOAD_TOO_MANY_FIELDS = Rule(
    "payload.too_many_fields",
    Severity.REFUSE,
    "The number of fields: a table of PostgreSQL has 1,600 at most.",
    "Fewer fields, or a jsonb field for what is rarely there.",
)
PAYLOAD_ACTION_UNKNOWN = Rule(
    "payload.action_unknown",
    Severity.REFUSE,
    "Whether the action is one that there is.",
    "Actions are ensure (the default), deprecate, restore and drop.",
)
FIELD_NOT_OBJECT = Rule("field.not_object", Severity.REFUSE, "Whether each field is a JSON object.", _EXAMPLE)
FIELD_NAME_MISSING = Rule(
    "field.name_missing", Severity.REFUSE, "Whether each field has a name that is a string.", _EXAMPLE
)
FIELD_TYPE_MISSING = Rule(
    "field.type_missing", Severity.REFUSE, "Whether each field has a type that is a string.", _EXAMPLE
)

MAX_FIELDS = 1_600
MAX_CHECKS = 200
# Unique groups, and indexes. A table with half as many is past use.
MAX_KEYS = 200
# PostgreSQL's own limit for keys and indexes.
MAX_KEY_FIELDS = 32
# Of a payload in the wrong shape; the mistakes that come next are rarely others.
MAX_SHAPE_FINDINGS = 100

_Names = Annotated[list[str], Key(max_length=MAX_KEY_FIELDS)]
# What a value is not, in a writer's words, by the name that pydantic has for it.
_WRONG = {
    "string_type": "it is not a string",
    "bool_type": "it is neither true nor false",
    "list_type": "it is not a list",
    "dict_type": "it is not an object",
    "model_type": "it is not an object",
    "too_short": "it is empty",
    "string_unicode": "it has half of a character",
}


def _in_any_case(words: type[StrEnum]) -> dict[str, Any]:
    """For JSON Schema: one of these words, in whatever case."""
    pattern = "|".join(re.sub("[a-z]", lambda c: f"[{c[0].upper()}{c[0]}]", word) for word in words)
    return {"anyOf": [{"enum": [word.value for word in words]}, {"pattern": f"^({pattern})$"}]}


class _Keys(BaseModel):
    """A JSON object with these keys, of these types, and no others."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)


class ReferenceKeys(_Keys):
    """A foreign key of one field."""

    table: str = Key(description="The referenced table, in the same schema.")
    field: str = Key(default="id", description="Its field: the primary key, or unique by itself.")
    on_delete: str = Key(
        default=OnDelete.NO_ACTION.value,
        description="What becomes of a row whose referenced row is deleted.",
        json_schema_extra=_in_any_case(OnDelete),
    )


class FieldKeys(_Keys):
    """One field of the table."""

    name: str = Key(description="Letters, digits, underscores; not a digit first; at most 63 bytes.")
    type: str = Key(
        description="A type of PostgreSQL that schemad knows, in any case and spacing.",
        examples=["text", "varchar(255)", "numeric(12,2)", "timestamptz", "text[]"],
    )
    nullable: bool | None = Key(default=None, description="Whether it may be null; true if left out.")
    default: Any = Key(
        default=None,
        description='A value that fits the type, the name of a generator such as "now()", '
        'or {"expression": "…"}, which is SQL without fields.',
    )
    unique: bool | None = Key(default=None, description="Whether it is unique by itself; false if left out.")
    description: str | None = Key(default=None, description="Becomes the column's comment.")
    references: ReferenceKeys | None = Key(default=None, description="A foreign key to one field of a table.")
    metadata: dict[str, Any] | None = Key(default=None, description="Your own notes; schemad only keeps them.")


class IndexKeys(_Keys):
    """One index beyond those of keys."""

    fields: _Names = Key(min_length=1, description="Names of fields, in order.")
    unique: bool | None = Key(default=None, description="Whether it is a unique index.")
    method: str = Key(
        default=IndexMethod.BTREE.value,
        description="How it is built.",
        json_schema_extra=_in_any_case(IndexMethod),
    )


class PayloadKeys(_Keys):
    """What a request may say of a table."""

    action: str | None = Key(
        default=None,
        description="What to do with the table; ensure where it is left out: create it, or add what it lacks.",
        json_schema_extra={"enum": [*(action.value for action in Action), None]},
    )
    description: str | None = Key(default=None, description="Becomes the table's comment.")
    fields: list[FieldKeys] | None = Key(
        default=None, max_length=MAX_FIELDS, description="The fields, in order; at least one for ensure."
    )
    primary_key: _Names | None = Key(
        default=None,
        description="Names of the fields of the primary key. Left out: the field id, which is added where there "
        "is none. An empty list: no key.",
    )
    unique: list[_Names] | None = Key(
        default=None, max_length=MAX_KEYS, description="Groups of fields, each unique together."
    )
    checks: list[str] | None = Key(
        default=None, max_length=MAX_CHECKS, description="Conditions on a row, in SQL, such as price >= 0."
    )
    indexes: list[IndexKeys] | None = Key(default=None, max_length=MAX_KEYS, description="Further indexes.")


def shape_findings(error: ValidationError, value: dict[str, Any]) -> list[Finding]:
    """What pydantic found wrong with the shape, by our rules."""
    problems = error.errors(include_url=False, include_input=False)
    return [_shape_finding(problem, value) for problem in problems[:MAX_SHAPE_FINDINGS]]


def _shape_finding(problem: ErrorDetails, value: dict[str, Any]) -> Finding:
    place = list(problem["loc"])
    field = None
    if len(place) > 1 and place[0] == "fields" and isinstance(place[1], int):
        field = _field_name(value["fields"][place[1]], place[1] + 1)
        place = place[2:]
    path = ".".join(shorten(str(step)) for step in place)
    kind, limit = problem["type"], problem.get("ctx", {}).get("max_length")
    if kind == "extra_forbidden":
        return PAYLOAD_UNKNOWN_KEY.finding(f"unknown key {path}", field=field)
    if field is not None and path in _FIELD_RULES:
        rule, what = _FIELD_RULES[path]
        return rule.finding(what, field=field)
    match path, kind:
        case "fields", "too_long":
            return PAYLOAD_TOO_MANY_FIELDS.finding(f"{len(value['fields'])} fields")
        case "fields", _:
            return PAYLOAD_NO_FIELDS.finding("fields is not a list")
        case "action", _:
            return PAYLOAD_ACTION_UNKNOWN.finding("action is not a string")
        case _, "missing":
            return PAYLOAD_WRONG_TYPE.finding(f"{path} is missing", field=field)
        case _, "too_long":
            return PAYLOAD_WRONG_TYPE.finding(f"{path}: it has more than {limit} entries", field=field)
        case _:
            return PAYLOAD_WRONG_TYPE.finding(
                f"{path}: {_WRONG.get(kind, 'it is of another JSON type')}", field=field
            )


# What a field can't be without, by its path within the field.
_FIELD_RULES = {
    "": (FIELD_NOT_OBJECT, "it is not a JSON object"),
    "name": (FIELD_NAME_MISSING, "it has no name, or one that is not a string"),
    "type": (FIELD_TYPE_MISSING, "it has no type, or one that is not a string"),
}


def _field_name(field: Any, number: int) -> str:
    name = field.get("name") if isinstance(field, dict) else None
    return shorten(name, 63) if isinstance(name, str) and name else f"field {number}"
