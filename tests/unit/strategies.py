"""Requests for the properties: any JSON, and requests that are sound by the way they are made."""

import json
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from schemad.ddl import Decision, decide
from schemad.policy import Policy, TableFacts
from schemad.request.names import RESERVED_WORDS, SYSTEM_COLUMNS
from schemad.request.types import KNOWN_TYPES, Family, KnownType

POLICY = Policy()
NOTHING = TableFacts()

# Text as PostgreSQL's parser can take it: no NUL, no lone surrogates.
sql_text = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))

_KEYS = (
    "description fields primary_key unique checks indexes action name type nullable default references metadata "
    "table field on_delete method expression"
).split()
_WORDS = ("text", "integer", "varchar(3)", "jsonb", "text[]", "id", "a", "now()", "ensure", "drop", "1 > 0")

# JSON as a request may have it: the keys and words that mean something turn up often enough to go deep.
json_values: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(10**40), max_value=10**40)
    | st.floats()
    | st.text(max_size=8)
    | st.sampled_from(_WORDS),
    lambda children: (
        st.lists(children, max_size=4)
        | st.dictionaries(st.sampled_from(_KEYS) | st.text(max_size=5), children, max_size=5)
    ),
    max_leaves=25,
)

_letters = "abcdefghijklmnopqrstuvwxyz_"
names = st.one_of(
    st.text(_letters, min_size=1, max_size=6),
    st.builds(lambda head, tail: head + tail, st.sampled_from(_letters), st.text(_letters + "0189", max_size=62)),
).filter(lambda n: n not in RESERVED_WORDS | SYSTEM_COLUMNS and not n.startswith("pg_"))


def cased(name: str) -> st.SearchStrategy[str]:
    """A name in one of the ways in which a request may write it."""
    return st.sampled_from([name, name.upper(), name.capitalize()])


def modifiers_of(known: KnownType) -> st.SearchStrategy[tuple[int, ...]]:
    """Modifiers that a type takes, none included."""
    if not known.modifiers:
        return st.just(())
    first = st.integers(*known.modifier_range)
    pairs = st.tuples(first, st.integers(-1000, 1000)) if known.modifiers == 2 else st.just(())
    return st.one_of(st.just(()), st.tuples(first), pairs)


@st.composite
def type_texts(draw: st.DrawFn) -> str:
    """A type in one of the ways in which a request may write it."""
    known = draw(st.sampled_from(list(KNOWN_TYPES.values())))
    modifiers = draw(modifiers_of(known))
    written = f"({', '.join(map(str, modifiers))})" if modifiers else ""
    array = "[]" if not known.serial_of and draw(st.booleans()) else ""
    name = draw(cased(draw(st.sampled_from([known.name, *known.aliases]))))
    head, *rest = name.split(" ", 1) if known.family in {Family.TIME, Family.TIMESTAMP} else [name]
    return " ".join([head + written, *rest]) + array


# Constants and generators of each family; the type in front has no modifiers that would be too small for them.
_DEFAULTS: list[tuple[str, Any]] = [
    ("text", "it's"),
    ("text", "a \\ \"b\" '' $$ -- /* ; \n\t%s"),
    ("text", "'); DROP TABLE x; --"),
    ("varchar(20)", ""),
    ("integer", 0),
    ("bigint", -(2**63)),
    ("numeric(10,2)", "12.5"),
    ("double precision", 1e-7),
    ("boolean", False),
    ("date", "CURRENT_DATE"),
    ("timestamptz", "now()"),
    ("timestamp", "2026-01-31T13:45:00"),
    ("time(3)", "13:45"),
    ("interval", "1 day"),
    ("uuid", "gen_random_uuid()"),
    ("jsonb", {"a": [1, None, "'\\"]}),
    ("bytea", "\\x00ff"),
    ("inet", "10.0.0.1/8"),
    ("text[]", ["a'b", None, '\\"', "{,}"]),
    ("integer", {"expression": "1 + length('a''b')"}),
    ("timestamptz", {"expression": "now() AT TIME ZONE 'utc'"}),
]
_CHECKS = ("1 > 0", "length('it''s') < 10", "coalesce(NULL, true)")
_METHODS = ("btree", "hash", "gin", "gist", "brin")
_ON_DELETE = ("no action", "restrict", "cascade", "set null", "set default")


@dataclass(frozen=True, slots=True)
class Asked:
    """A sound request: `table` and `payload` as they are given, `names` every name in it, folded."""

    table: str
    payload: dict[str, Any]
    names: frozenset[str]

    def decided(self, policy: Policy = POLICY, facts: TableFacts = NOTHING, **options: Any) -> Decision:
        """What is decided about it."""
        return decide(self.table, json.dumps(self.payload), policy, facts, **options)


@st.composite
def sound_requests(draw: st.DrawFn) -> Asked:
    """A request that no rule refuses, with whatever a request may have."""
    table = draw(names)
    fields_asked = draw(st.lists(names.filter(lambda n: n != "id"), min_size=1, max_size=6, unique=True))
    used = {table, *fields_asked}
    fields: list[dict[str, Any]] = []
    for name in fields_asked:
        field: dict[str, Any] = {"name": draw(cased(name))}
        if draw(st.booleans()):
            field["type"], field["default"] = draw(st.sampled_from(_DEFAULTS))
        else:
            field["type"] = draw(type_texts())
        if draw(st.booleans()):
            field["unique"] = draw(st.booleans())
            field["description"] = draw(st.sampled_from(["", "it's", "a \\ b", "\n--;", "été"]))
        if draw(st.integers(0, 5)) == 0:
            other, key = draw(names.filter(lambda n: n != table)), draw(names)
            used |= {other, key}
            field["references"] = {"table": other, "field": key, "on_delete": draw(st.sampled_from(_ON_DELETE))}
        fields.append(field)
    groups = st.lists(st.sampled_from(fields_asked), min_size=1, max_size=3, unique=True)
    payload: dict[str, Any] = {"fields": fields}
    if draw(st.booleans()):
        payload["primary_key"] = draw(groups | st.just([]))
    if draw(st.booleans()):
        payload["unique"] = draw(st.lists(groups, max_size=2))
        payload["checks"] = draw(st.lists(st.sampled_from(_CHECKS), max_size=2))
        payload["indexes"] = [
            {"fields": draw(groups), "unique": draw(st.booleans()), "method": draw(st.sampled_from(_METHODS))}
            for _ in range(draw(st.integers(0, 2)))
        ]
        payload["description"] = "x'y\\z"
    return Asked(draw(cased(table)), payload, frozenset(used))
