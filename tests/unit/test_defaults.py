"""Defaults: a JSON value becomes a literal of its field's type, or is refused with the reason."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemad.request.defaults import GENERATORS, Default, Generator, Literal, read_default
from schemad.request.expressions import Expression
from schemad.request.finding import Finding
from schemad.request.text import misleading_character
from schemad.request.types import Family, FieldType, KnownType, read_type
from tests.unit.literals import LITERALS
from tests.unit.strategies import json_values, type_texts


def read(type_text: str, value: Any) -> Default | Finding | None:
    field_type = read_type(type_text, field="f")
    assert isinstance(field_type, FieldType)
    return read_default(value, field_type, field="f")


@pytest.mark.parametrize(("type_text", "value", "expected"), LITERALS)
def test_a_value_of_the_type_is_a_literal(type_text: str, value: Any, expected: str) -> None:
    assert read(type_text, value) == Literal(expected)


MISFITS: list[tuple[str, Any]] = [
    ("text", 5),
    ("text", True),
    ("text", Decimal("1.5")),
    ("text", ["a"]),
    ("text", {"a": 1}),
    ("text", {"expression": "1", "more": 1}),
    ("text", {"expression": 1}),
    ("text", "a\0b"),
    ("text", "a\u202eb"),
    ("text", "\ud800"),
    ("varchar(3)", "abcd"),
    ("char(2)", "abc"),
    ("char", "ab"),
    ("char[]", ["a", "bc"]),
    ("integer", True),
    ("integer", False),
    ("integer", Decimal("1.5")),
    ("integer", "1.5"),
    ("integer", "one"),
    ("integer", "१२"),
    ("integer", " 1"),
    ("integer", ""),
    ("integer", 2**31),
    ("integer", "9" * 1000),
    ("smallint", 99999),
    ("smallint", -32769),
    ("bigint", 2**63),
    ("bigint", Decimal("1e400")),
    ("numeric", True),
    ("numeric", "NaN"),
    ("numeric", Decimal("NaN")),
    ("numeric", float("nan")),
    ("numeric", "Infinity"),
    ("numeric", "1_000"),
    ("numeric", "0x10"),
    ("numeric", "१२"),
    ("numeric", "1e9999"),
    ("numeric", ""),
    ("numeric", "."),
    ("numeric(5,2)", 1000),
    ("numeric(5,2)", "999.995"),
    ("numeric(3,5)", "0.01"),
    ("numeric(3,-2)", 99960),
    ("real", "1e400"),
    ("real", Decimal("1e39")),
    ("real", "-1e39"),
    ("real", "1e-400"),
    ("double precision", "1e309"),
    ("double precision", "1e-400"),
    ("double precision", "NaN"),
    ("boolean", 1),
    ("boolean", 0),
    ("boolean", "maybe"),
    ("boolean", ""),
    ("date", 20260131),
    ("date", "2026-02-30"),
    ("date", "31.01.2026"),
    ("date", "2026-01-31; --"),
    ("date", "२०२६-01-01"),
    ("time", "25:00"),
    ("time", "13:60"),
    ("time", "12:00+१२"),
    ("time", 1200),
    ("timestamp", "2026-01-31 25:00"),
    ("timestamp", "yesterday noon"),
    ("timestamp", 0),
    ("interval", 5),
    ("interval", "1 day'; --"),
    ("interval", ""),
    ("interval", "x" * 101),
    ("uuid", "x"),
    ("uuid", 1),
    ("jsonb", "{"),
    ("jsonb", "text"),
    ("jsonb", "NaN"),
    ("jsonb", "[Infinity]"),
    ("jsonb", [float("inf")]),
    ("jsonb", {"a": Decimal("0.1000000000000000000000000001")}),
    ("jsonb", {"a": "\ud800"}),
    ("jsonb", "[" * 50_000),
    ("bytea", "abc"),
    ("bytea", "\\x0"),
    ("bytea", b"abc"),
    ("inet", "10.0.0.256"),
    ("inet", "fe80::1%eth0"),
    ("inet", 167772161),
    ("cidr", "10.0.0.1/8"),
    ("macaddr", "08-00-2b"),
    ("text[]", "{}"),
    ("text[]", {}),
    ("text[]", [["a"]]),
    ("text[]", [1]),
    ("varchar(1)[]", ["ab"]),
    ("integer[]", [True]),
    ("integer[]", [2**31]),
    ("uuid[]", "gen_random_uuid()"),
    ("date[]", ["today"]),
]


@pytest.mark.parametrize(("type_text", "value"), MISFITS)
def test_what_is_no_value_of_the_type_is_refused(type_text: str, value: Any) -> None:
    found = read(type_text, value)
    assert isinstance(found, Finding)
    assert (found.rule.id, found.field) == ("default.does_not_fit", "f")
    assert found.message.isprintable()
    assert len(found.message) < 400


@pytest.mark.parametrize("type_text", ["date", "time", "timetz", "timestamp", "timestamptz"])
@pytest.mark.parametrize("value", ["now", "today", "Tomorrow", " YESTERDAY ", "allballs"])
def test_a_moment_that_would_be_frozen_is_refused(type_text: str, value: str) -> None:
    found = read(type_text, value)
    assert isinstance(found, Finding)
    assert found.rule.id == "default.frozen"


@pytest.mark.parametrize(
    ("type_text", "value", "expected"),
    [
        ("timestamptz", "now()", "now()"),
        ("timestamptz", " NOW ( ) ", "now()"),
        ("timestamp", "CURRENT_TIMESTAMP", "now()"),
        ("date", "CURRENT_DATE", "CURRENT_DATE"),
        ("date", "now()", "now()"),
        ("time", "LOCALTIME", "LOCALTIME"),
        ("uuid", "gen_random_uuid()", "gen_random_uuid()"),
        ("uuid", "uuid_generate_v4()", "gen_random_uuid()"),
        ("timestamptz", {"expression": "now()"}, "now()"),
        ("timestamptz", {"expression": "CURRENT_TIMESTAMP"}, "now()"),
        ("uuid", {"expression": "(gen_random_uuid())"}, "gen_random_uuid()"),
    ],
)
def test_the_usual_generators_are_what_their_writer_means(type_text: str, value: Any, expected: str) -> None:
    found = read(type_text, value)
    assert isinstance(found, Generator)
    assert found.sql == expected


@pytest.mark.parametrize("name", GENERATORS)
def test_a_generator_s_name_is_a_literal_on_text(name: str) -> None:
    assert read("text", name) == Literal(name)


def test_volatile_generators_are_those_that_differ_from_row_to_row() -> None:
    volatile = {generator.sql for generator, _ in GENERATORS.values() if generator.volatile}
    assert volatile == {"clock_timestamp()", "gen_random_uuid()"}


@pytest.mark.parametrize("value", [1, "1", {"expression": "1"}, False])
def test_a_serial_takes_no_default(value: Any) -> None:
    found = read("serial", value)
    assert isinstance(found, Finding)
    assert found.rule.id == "default.on_serial"


@pytest.mark.parametrize("type_text", ["date", "time", "timestamp", "interval", "bytea", "macaddr"])
def test_an_example_within_a_refusal_is_a_value_that_passes(type_text: str) -> None:
    found = read(type_text, "?")
    if not isinstance(found, Finding) or " such as " not in found.message:
        found = read(type_text, 1)
    assert isinstance(found, Finding)
    assert isinstance(read(type_text, found.message.partition(" such as ")[2]), Literal)


def test_only_the_server_knows_what_a_type_of_the_policy_s_own_takes() -> None:
    posint = FieldType(KnownType("posint", Family.OTHER, catalog_name="app.posint", sql_name="app.posint"))
    assert read_default("5", posint, field="f") == Literal("5")
    assert isinstance(read_default(5, posint, field="f"), Finding)


def test_an_expression_that_cannot_be_read_is_told_with_its_field() -> None:
    found = read("text", {"expression": "1 +"})
    assert isinstance(found, Finding)
    assert found.field == "f"


@pytest.mark.parametrize("type_text", ["text", "integer", "serial", "jsonb", "date[]"])
def test_null_is_no_default(type_text: str) -> None:
    assert read(type_text, None) is None


@given(type_texts(), json_values)
def test_any_json_as_a_default_is_understood_or_refused(type_text: str, value: Any) -> None:
    found = read(type_text, value)
    assert found is None or isinstance(found, Finding | Literal | Generator | Expression)
    if isinstance(found, Literal):
        assert misleading_character(found.text) is None


@given(st.lists(st.none() | st.text(st.characters(categories=["L", "N", "P", "S"])), max_size=6))
def test_an_array_s_literal_has_the_items_asked_for(items: list[str | None]) -> None:
    found = read("text[]", items)
    if isinstance(found, Literal):
        assert _items_of(found.text) == items
    else:
        assert any(misleading_character(item or "") for item in items)


def _items_of(text: str) -> list[str | None]:
    """The items of an array literal, read by the rules of PostgreSQL's array_in()."""
    assert (text[0], text[-1]) == ("{", "}")
    items: list[str | None] = []
    rest = text[1:-1]
    while rest:
        if rest.startswith("NULL"):
            items.append(None)
            rest = rest[len("NULL") :]
        else:
            assert rest[0] == '"'
            item, place = "", 1
            while rest[place] != '"':
                place += rest[place] == "\\"
                item += rest[place]
                place += 1
            items.append(item)
            rest = rest[place + 1 :]
        if rest:
            assert rest[0] == ","
            rest = rest[1:]
    return items


def test_a_refusal_shows_the_beginning_of_a_long_value_and_of_a_long_reason() -> None:
    found = read("cidr", "x" * 1_000)
    assert isinstance(found, Finding)
    shown, _, why = found.message.partition(" does not fit the type: ")
    assert (shown, len(why), why[-1]) == ('"' + "x" * 79 + "…", 201, "…")


def test_a_default_that_is_nested_too_deeply_to_be_shown_is_refused_without_it() -> None:
    value: list[Any] = []
    for _ in range(5_000):
        value = [value]
    found = read("integer[]", value)
    assert isinstance(found, Finding)
    assert found.message.startswith("it does not fit the type: ")
