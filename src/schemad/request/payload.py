"""The payload: JSON read into a TableRequest, with a finding for each thing that can't be."""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from pydantic import ValidationError

from schemad.request.defaults import Literal, read_default
from schemad.request.expressions import MAX_EXPRESSION_BYTES, Expression, read_expression
from schemad.request.finding import Finding, Rule, Severity
from schemad.request.names import fold, name_finding
from schemad.request.shape import (
    PAYLOAD_ACTION_UNKNOWN,
    PAYLOAD_NO_FIELDS,
    PAYLOAD_WRONG_TYPE,
    FieldKeys,
    IndexKeys,
    PayloadKeys,
    ReferenceKeys,
    shape_findings,
)
from schemad.request.table import (
    Action,
    Field,
    Index,
    IndexMethod,
    OnDelete,
    Reference,
    TableRequest,
)
from schemad.request.text import has_gap, misleading_character, shorten
from schemad.request.types import KNOWN_TYPES, FieldType, KnownType, read_type

PAYLOAD_UNREADABLE = Rule(
    "payload.unreadable",
    Severity.REFUSE,
    "Whether the payload is JSON of a depth and with numbers of a size that can be read.",
    'For example {"fields": [{"name": "title", "type": "text"}]}.',
)
PAYLOAD_NOT_OBJECT = Rule(
    "payload.not_object",
    Severity.REFUSE,
    "Whether the payload is a JSON object.",
    'For example {"fields": [{"name": "title", "type": "text"}]}.',
)
PAYLOAD_TEXT = Rule(
    "payload.control_character",
    Severity.REFUSE,
    "Control, bidirectional-format and invisible characters in descriptions, which would mislead who reads them.",
    "Text that can be seen; line breaks and tabs are fine.",
)
PAYLOAD_GAP = Rule(
    "payload.gap",
    Severity.REVIEW,
    "White space in descriptions and constants that pushes what comes after it off a reviewer's screen: 30 empty "
    "lines or 200 spaces in a row, or more than 200 line breaks.",
    "Text without such gaps. A reviewer reads plan_sql to its end.",
)
FIELD_DUPLICATE = Rule(
    "field.duplicate",
    Severity.REFUSE,
    "Two fields of one name, after folding to lower case.",
    "One of them, or another name.",
)
FIELD_NOT_THERE = Rule(
    "field.not_there",
    Severity.REFUSE,
    "Keys and indexes over fields that the request does not have.",
    "Name fields of the same request.",
)
FIELD_REPEATED = Rule(
    "field.repeated",
    Severity.REFUSE,
    "A field that is named twice in one key or index.",
    "Each field once.",
)
FIELD_NULLABLE = Rule(
    "field.nullable",
    Severity.REFUSE,
    "nullable: true on a serial or a field of the primary key, neither of which can be null.",
    "Leave nullable out, or make it false.",
)

EXPRESSION_TOO_MANY = Rule(
    "expression.too_many",
    Severity.REFUSE,
    "The number and length of a request's expressions together, each counted once: reading them takes time, and "
    "other requests wait meanwhile.",
    "At most 100 different expressions, and 4,000 bytes; ask for the rest in further requests.",
)

REFERENCE_TOO_MANY = Rule(
    "reference.too_many",
    Severity.REFUSE,
    "The number of different tables that a request references: each is looked up, and other requests wait "
    "meanwhile.",
    "At most 100 of them; ask for the other fields in further requests.",
)

# Looking one up takes a tenth of a millisecond. schemad.reference_facts() looks at no more of them.
MAX_REFERENCED_TABLES = 100
# Reading one takes a quarter of a millisecond, and up to seven for each further 1,000 bytes.
MAX_EXPRESSIONS = 100
MAX_EXPRESSIONS_BYTES = 4_000
_Choice = TypeVar("_Choice", bound=StrEnum)
# Made once, and not for each payload.
_json = json.JSONDecoder(parse_float=Decimal)


@dataclass(frozen=True, slots=True)
class Reading:
    """A request as it was read: None with the findings that say why, or a request and remarks."""

    request: TableRequest | None
    findings: tuple[Finding, ...]


def read_request(
    schema_name: str, payload: str, further_types: Mapping[str, KnownType] = MappingProxyType({})
) -> Reading:
    """Reads a request.

    Args:
        schema_name: The name of the table, as it was given.
        payload: The payload, as JSON text.
        further_types: Types that the policy knows beyond the built-in ones, by name.

    Returns:
        The request, where nothing was found that no approval could lift; the findings in any case.
    """
    findings = [f for f in (name_finding(schema_name),) if f]
    try:
        value = _json.decode(payload)
    except (ValueError, RecursionError) as error:
        message = "it is nested too deeply" if isinstance(error, RecursionError) else str(error)
        if "digits" in message:
            message = "a number in it has more than 4,300 digits"  # Python's own words are for programmers
        return Reading(None, (*findings, PAYLOAD_UNREADABLE.finding(message)))
    except ArithmeticError:  # an exponent beyond those of Decimal
        return Reading(None, (*findings, PAYLOAD_UNREADABLE.finding("a number in it is too large")))
    if not isinstance(value, dict):
        return Reading(None, (*findings, PAYLOAD_NOT_OBJECT.finding("the payload is not a JSON object")))
    try:
        keys = PayloadKeys.model_validate(value)
    except ValidationError as error:
        return Reading(None, (*findings, *shape_findings(error, value)))

    reader = _Reader(fold(schema_name), findings, further_types)
    request = reader.read(keys)
    refused = any(f.severity is Severity.REFUSE for f in findings)
    return Reading(None if refused else request, tuple(findings))


class _Reader:
    """Reads the parts of one payload, collecting findings on the way."""

    def __init__(self, table: str, findings: list[Finding], further_types: Mapping[str, KnownType]) -> None:
        self._table = table
        self._findings = findings
        self._further_types = further_types

    def read(self, keys: PayloadKeys) -> TableRequest:
        action = self._choice(Action, Action.ENSURE if keys.action is None else keys.action, "action")
        self._check_text(keys.description, None)
        if action is not Action.ENSURE:
            return TableRequest(self._table, action, keys.description)
        if finding := _too_many_expressions(keys) or _too_many_references(keys):
            self._note(finding)
            return TableRequest(self._table, action, keys.description)
        if not keys.fields:
            self._note(PAYLOAD_NO_FIELDS.finding("fields is missing or empty"))

        fields = [self._field(number, f) for number, f in enumerate(keys.fields or (), 1)]
        for name, count in Counter(f.name for f in fields).items():
            if count > 1:
                self._note(FIELD_DUPLICATE.finding(f"is there {count} times", field=name))
        names = {f.name for f in fields}
        fields, primary_key = self._with_key(fields, keys)
        unique = tuple(dict.fromkeys(self._known(u, names, "unique") for u in keys.unique or () if u))
        indexes = tuple(dict.fromkeys(self._index(*i, names) for i in enumerate(keys.indexes or ())))
        return TableRequest(
            name=self._table,
            description=keys.description,
            fields=tuple(fields),
            primary_key=primary_key,
            key_was_given=keys.primary_key is not None,
            unique=unique,
            checks=self._checks(keys.checks or ()),
            indexes=indexes + _indexes_for_references(fields, primary_key, unique, indexes),
        )

    def _field(self, number: int, keys: FieldKeys) -> Field:
        name = fold(keys.name)
        field = shorten(keys.name, 63) or f"field {number}"
        self._note(name_finding(keys.name, field=field))
        self._check_text(keys.description, field)
        field_type = read_type(keys.type, field=field, further=self._further_types)
        if isinstance(field_type, Finding):
            self._note(field_type)
            field_type = FieldType(KNOWN_TYPES["text"])
            default = None
        else:
            default = read_default(keys.default, field_type, field=field)
        if isinstance(default, Finding):
            self._note(default)
            default = None
        if isinstance(default, Literal):
            self._check_gap("the default", field, default.text)
        elif isinstance(default, Expression):
            self._check_gap("the default", field, *default.texts)
        if field_type.is_serial and keys.nullable:
            self._note(FIELD_NULLABLE.finding("a serial can't be null", field=field))
        return Field(
            name=name,
            type=field_type,
            nullable=not field_type.is_serial and keys.nullable is not False,
            default=default,
            unique=bool(keys.unique),
            description=keys.description,
            references=self._reference(keys.references, field),
            position=number - 1,
        )

    def _with_key(self, fields: list[Field], keys: PayloadKeys) -> tuple[list[Field], tuple[str, ...]]:
        """The fields and the primary key: as given, or the field id, or an id of schemad's own."""
        names = {f.name for f in fields}
        if keys.primary_key is not None:
            key = self._known(keys.primary_key, names, "primary_key")
        else:
            key = ("id",)
            if "id" not in names:
                identity = FieldType(KNOWN_TYPES["bigserial"])
                own = Field("id", identity, nullable=False)
                return [own, *fields], key
        for given in keys.fields or ():
            if fold(given.name) in key and given.nullable:
                self._note(FIELD_NULLABLE.finding("the primary key can't be null", field=given.name))
        return [replace(f, nullable=f.nullable and f.name not in key) for f in fields], key

    def _reference(self, keys: ReferenceKeys | None, field: str) -> Reference | None:
        if keys is None:
            return None
        self._note(name_finding(keys.table, field=field))
        self._note(name_finding(keys.field, field=field))
        on_delete = self._choice(OnDelete, keys.on_delete.lower(), "references.on_delete", field)
        return Reference(fold(keys.table), fold(keys.field), on_delete)

    def _index(self, place: int, keys: IndexKeys, names: set[str]) -> Index:
        method = self._choice(IndexMethod, keys.method.lower(), f"indexes.{place}.method")
        return Index(self._known(keys.fields, names, "indexes"), bool(keys.unique), method)

    def _known(self, given: Sequence[str], names: set[str], key: str) -> tuple[str, ...]:
        folded = tuple(fold(g) for g in given)
        for name, count in Counter(folded).items():
            if name not in names:
                message = f'{key} names "{shorten(name)}", which is not a field of the request'
                self._note(FIELD_NOT_THERE.finding(message))
            elif count > 1:
                self._note(FIELD_REPEATED.finding(f"{key} names it {count} times", field=name))
        return folded

    def _checks(self, given: Sequence[str]) -> tuple[Expression, ...]:
        readings = [read_expression(text, field=None) for text in given]
        for reading in readings:
            if isinstance(reading, Finding):
                self._note(reading)
            else:
                self._check_gap("a check", None, *reading.texts)
        return tuple(dict.fromkeys(r for r in readings if isinstance(r, Expression)))

    def _choice(self, kind: type[_Choice], given: str, key: str, field: str | None = None) -> _Choice:
        """The member of `kind` that was given; the first one, and a finding, if there is none such."""
        try:
            return kind(given)
        except ValueError:
            members = list(kind)
            message = f"{key} is {', '.join(members)}, not {shorten(given)}"
            rule = PAYLOAD_ACTION_UNKNOWN if kind is Action else PAYLOAD_WRONG_TYPE
            self._note(rule.finding(message, field=field))
            return members[0]

    def _check_text(self, given: str | None, field: str | None) -> None:
        if given is None:
            return
        if character := misleading_character(given):
            self._note(PAYLOAD_TEXT.finding(f"the description has {character}", field=field))
        self._check_gap("the description", field, given)

    def _check_gap(self, what: str, field: str | None, *texts: str) -> None:
        if any(map(has_gap, texts)):
            self._note(PAYLOAD_GAP.finding(f"{what} has a long gap, and more after it", field=field))

    def _note(self, finding: Finding | None) -> None:
        if finding:
            self._findings.append(finding)


def _indexes_for_references(
    fields: Sequence[Field],
    primary_key: tuple[str, ...],
    unique: Sequence[tuple[str, ...]],
    indexes: Sequence[Index],
) -> tuple[Index, ...]:
    """An index for each foreign key that none begins with: without, each delete of a referenced row scans."""
    # BRIN and the like find no single row.
    serving = (i.fields for i in indexes if i.method in {IndexMethod.BTREE, IndexMethod.HASH})
    begun = {key[0] for key in (primary_key, *unique, *serving) if key}
    return tuple(Index((f.name,)) for f in fields if f.references and not f.unique and f.name not in begun)


def _too_many_expressions(keys: PayloadKeys) -> Finding | None:
    """What to say of more expressions than are read; before any of them is."""
    defaults = [f.default for f in keys.fields or () if isinstance(f.default, Mapping)]
    given = {d["expression"] for d in defaults if isinstance(d.get("expression"), str)} | set(keys.checks or ())
    # What is too long by itself is not read either, and told by a rule of its own.
    sizes = [size for text in given if (size := len(text.encode(errors="surrogatepass"))) <= MAX_EXPRESSION_BYTES]
    if len(sizes) <= MAX_EXPRESSIONS and sum(sizes) <= MAX_EXPRESSIONS_BYTES:
        return None
    return EXPRESSION_TOO_MANY.finding(
        f"{len(sizes)} different expressions of {sum(sizes):,} bytes; none of them was read"
    )


def _too_many_references(keys: PayloadKeys) -> Finding | None:
    """What to say of more tables than are looked up."""
    tables = {fold(f.references.table) for f in keys.fields or () if f.references}
    if len(tables) <= MAX_REFERENCED_TABLES:
        return None
    return REFERENCE_TOO_MANY.finding(f"it references {len(tables):,} different tables")
