"""Types: read into a known name and modifiers, and written from these alone."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemad.request.finding import Finding
from schemad.request.types import KNOWN_TYPES, FieldType, read_type
from tests.unit.strategies import type_texts


def read(text: str) -> FieldType:
    found = read_type(text, field="f")
    assert isinstance(found, FieldType), found
    return found


@pytest.mark.parametrize(
    ("given_text", "written", "catalog"),
    [
        ("TEXT", "text", "text"),
        ("VarChar ( 255 )", "varchar(255)", "character varying(255)"),
        ("character  varying(3)", "varchar(3)", "character varying(3)"),
        ("varchar", "varchar", "character varying"),
        ("varchar(10485760)", "varchar(10485760)", "character varying(10485760)"),
        ("numeric(1000,1000)", "numeric(1000,1000)", "numeric(1000,1000)"),
        ("numeric(1,-1000)", "numeric(1,-1000)", "numeric(1,-1000)"),
        ("timestamp(6)", "timestamp(6)", "timestamp(6) without time zone"),
        ("char", "char", "character(1)"),
        ("character(5)", "char(5)", "character(5)"),
        ("INT", "integer", "integer"),
        ("int8", "bigint", "bigint"),
        ("serial", "integer", "integer"),
        ("BIGSERIAL", "bigint", "bigint"),
        ("decimal(10, 2)", "numeric(10,2)", "numeric(10,2)"),
        ("numeric(10)", "numeric(10)", "numeric(10,0)"),
        ("numeric(3,-2)", "numeric(3,-2)", "numeric(3,-2)"),
        ("float", "double precision", "double precision"),
        ("double\n precision", "double precision", "double precision"),
        ("timestamp(3) with time zone", "timestamptz(3)", "timestamp(3) with time zone"),
        ("TIMESTAMP WITHOUT TIME ZONE", "timestamp", "timestamp without time zone"),
        ("timetz(0)", "timetz(0)", "time(0) with time zone"),
        ("interval(2)", "interval(2)", "interval(2)"),
        ("text[]", "text[]", "text[]"),
        ("varchar(10) []", "varchar(10)[]", "character varying(10)[]"),
        ("\t uuid \r\n", "uuid", "uuid"),
    ],
)
def test_a_type_is_understood_in_the_ways_people_write_it(given_text: str, written: str, catalog: str) -> None:
    assert str(read(given_text)) == written
    assert read(given_text).catalog_name == catalog


@pytest.mark.parametrize(
    ("given_text", "expected"),
    [
        ("", "type.malformed"),
        ("varchar(10)) ; DROP TABLE x; --", "type.malformed"),
        ("varchar(10)) ; DROP TABLE x; CREATE TABLE y(a varchar(1)", "type.malformed"),
        ("integer; --", "type.malformed"),
        ("integer DEFAULT(1)", "type.unknown"),
        ("text[][]", "type.malformed"),
        ("text[3]", "type.malformed"),
        ("integer\0", "type.malformed"),
        ("integer\u00a0", "type.malformed"),
        ("varchar(-1)", "type.malformed"),
        ("varchar(9999999999)", "type.malformed"),
        ("varchar(\u0661)", "type.malformed"),
        ("pg_catalog.int4", "type.malformed"),
        ('"char"', "type.malformed"),
        ("serial[]", "type.malformed"),
        ("integer not null", "type.unknown"),
        ("money", "type.unknown"),
        ("XtextX", "type.unknown"),
        ("xml", "type.unknown"),
        ("oid", "type.unknown"),
        ("regclass", "type.unknown"),
        ("anyelement", "type.unknown"),
        ("record", "type.unknown"),
        ("bpchar", "type.unknown"),
        ("user_preferences", "type.unknown"),
        ("varchar(0)", "type.modifier"),
        ("varchar(10485761)", "type.modifier"),
        ("varchar(1,2)", "type.modifier"),
        ("numeric(0)", "type.modifier"),
        ("numeric(5000)", "type.modifier"),
        ("numeric(10,1001)", "type.modifier"),
        ("timestamp(7)", "type.modifier"),
        ("text(5)", "type.modifier"),
        ("integer(4)", "type.modifier"),
        ("float(24)", "type.modifier"),
    ],
)
def test_what_is_no_known_type_is_refused_by_the_rule_that_says_why(given_text: str, expected: str) -> None:
    found = read_type(given_text, field="f")
    assert isinstance(found, Finding)
    assert (found.rule.id, found.field) == (expected, "f")


@given(type_texts())
def test_a_type_read_from_what_schemad_writes_is_the_same_type(text: str) -> None:
    once = read(text)
    if not once.is_serial:  # written as their integer type
        assert read(str(once)) == once


@given(st.text())
def test_any_text_as_a_type_is_understood_or_refused(text: str) -> None:
    found = read_type(text, field="f")
    if isinstance(found, FieldType):
        assert found.known.name in KNOWN_TYPES


def test_no_two_types_share_a_name() -> None:
    every_name = [name for known in KNOWN_TYPES.values() for name in (known.name, *known.aliases)]
    assert len(every_name) == len(set(every_name))
