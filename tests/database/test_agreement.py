"""The two judges agree: what SQL refuses at submit, the pure core refuses, and the other way round."""

import json
import sys
from collections.abc import Callable, Iterable

from hypothesis import given, settings
from hypothesis import strategies as st

from schemad.policy import Policy
from schemad.request.finding import Finding
from schemad.request.names import RESERVED_WORDS, name_finding
from schemad.request.text import misleading_character
from schemad.request.types import KNOWN_TYPES, read_type
from schemad.store import Connection
from schemad.store.queue import Queue

EXAMPLES = 400
# All characters that PostgreSQL can store.
_CODES = [n for n in range(1, sys.maxunicode + 1) if not 0xD800 <= n <= 0xDFFF]
# One for each rule and one that is fine, so that every run compares all of them.
SURE_TYPES = {"text": None, "varchar(": "type.malformed", "money": "type.unknown", "varchar(0)": "type.modifier"}
SURE_NAMES = {
    "a": None,
    "1": "name.invalid",
    "n" * 64: "name.too_long",
    "xmin": "name.system",
    "all": "name.reserved",
}

_KNOWN_NAMES = sorted({n for known in KNOWN_TYPES.values() for n in (known.name, *known.aliases)})
_SPACES = st.sampled_from(["", "", "", "", "", "", "", " ", " ", "\t", "\n", "\r\n", "\f", "\u00a0"])
_CASES: st.SearchStrategy[Callable[[str], str]] = st.sampled_from([str, str.upper, str.title, str.swapcase])
_ODD = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
_ODD_TEXT = st.text(st.one_of(st.sampled_from("_aAk09-;'\"$ \n\u212a\u0130\u0131\u017f"), _ODD), max_size=12)
_NUMBERS = st.one_of(
    st.sampled_from(
        "-1001 -1000 -1 0 1 6 7 1000 1001 10485760 10485761 2147483648 999999999 1000000000 007".split()
    ),
    st.integers().map(str),
)


# One known type each that differs in modifiers, and what is none.
_BASES = st.sampled_from(
    [*_KNOWN_NAMES, *("varchar numeric timestamp time interval".split() * 4), "money", "charr"]
)


@st.composite
def _nearly_a_type(draw: st.DrawFn) -> str:
    """A name, modifiers, zone and array, mostly well put."""
    name = draw(_CASES)(draw(_BASES)).replace(" ", draw(st.sampled_from([" ", " ", "  ", "\n", "\u00a0", ""])))
    modifiers = ",".join(draw(st.lists(_NUMBERS, min_size=1, max_size=3)))
    wrapped = draw(
        st.sampled_from(["", f"({modifiers})", f"({modifiers})", f" ( {modifiers} ) ", f"({modifiers}"])
    )
    zone = draw(st.sampled_from(["", "", "", " with time zone", " without  time zone", "with time zone"]))
    array = draw(st.sampled_from(["", "", "", "[]", " []", "[3]", "[][]"]))
    return draw(_SPACES) + name + wrapped + zone + array + draw(_SPACES)


_TYPES = st.one_of(_nearly_a_type(), _nearly_a_type(), _ODD_TEXT)
_NAMES = st.one_of(
    st.from_regex(r"\A[a-zA-Z_][a-zA-Z0-9_]{0,70}\n?\Z"),
    st.tuples(_CASES, st.sampled_from(sorted(RESERVED_WORDS))).map(lambda pair: pair[0](pair[1])),
    st.tuples(st.sampled_from(["pg_", "PG_", "pg", "xmi", "c"]), st.text("_anmxtid", max_size=4)).map("".join),
    st.integers(60, 68).map(lambda length: "n" * length),
    _ODD_TEXT,
)


def _examples(strategy: st.SearchStrategy[str]) -> list[str]:
    """What hypothesis comes up with. The judges are asked for all of it at once: one of them is a server."""
    found: dict[str, None] = {}

    @settings(max_examples=EXAMPLES, database=None, deadline=None)
    @given(strategy)
    def collect(text: str) -> None:
        found[text] = None

    collect()
    return list(found)


async def _judged_by_sql(connection: Connection, function: str, texts: Iterable[str]) -> dict[str, str | None]:
    rows = await connection.fetch(
        f"SELECT given, schemad.{function}(given) AS rule FROM unnest($1::text[]) AS given", list(texts)
    )
    return {row["given"]: row["rule"] for row in rows}


def _rule(finding: object) -> str | None:
    return finding.rule.id if isinstance(finding, Finding) else None


async def test_sql_and_python_refuse_the_same_types_by_the_same_rules(admin: Connection) -> None:
    texts = [*SURE_TYPES, *_examples(_TYPES)]
    by_python = {text: _rule(read_type(text, field="a")) for text in texts}
    assert SURE_TYPES.items() <= by_python.items()
    assert await _judged_by_sql(admin, "type_problem", texts) == by_python


async def test_sql_and_python_refuse_the_same_names_by_the_same_rules(admin: Connection) -> None:
    texts = [*SURE_NAMES, *_examples(_NAMES)]
    by_python = {text: _rule(name_finding(text)) for text in texts}
    assert SURE_NAMES.items() <= by_python.items()
    assert await _judged_by_sql(admin, "name_problem", texts) == by_python


async def test_sql_and_python_find_the_same_characters_misleading_of_all_that_there_are(admin: Connection) -> None:
    # In blocks, and then one by one where a block has one: a call costs more than the characters do.
    rows = await admin.fetch(
        "WITH blocks AS (SELECT array_agg(n) AS codes, string_agg(chr(n), '') AS all_of_them "
        "FROM generate_series(1, $1) AS n WHERE n NOT BETWEEN 55296 AND 57343 GROUP BY n / 128) "
        "SELECT n, schemad.misleading_character('a' || chr(n) || 'b') AS found FROM blocks, unnest(codes) AS n "
        "WHERE schemad.misleading_character(all_of_them) IS NOT NULL "
        "AND schemad.misleading_character(chr(n)) IS NOT NULL",
        sys.maxunicode,
    )
    # A line of text has no line breaks and tabs, where a description may.
    by_python = {n: "U+0009" if n == 9 else "U+000A" if n == 10 else misleading_character(chr(n)) for n in _CODES}
    assert {row["n"]: row["found"] for row in rows} == {n: code for n, code in by_python.items() if code}


async def test_every_reserved_word_of_every_server_is_refused(admin: Connection) -> None:
    rows = await admin.fetch("SELECT word FROM pg_get_keywords() WHERE catcode IN ('R', 'T')")
    assert {row["word"] for row in rows} <= RESERVED_WORDS
    assert len(rows) > 90


async def test_the_reserved_words_are_the_same_in_sql_and_python(admin: Connection) -> None:
    words = await admin.fetchval("SELECT schemad.reserved_words()")
    assert sorted(words) == sorted(RESERVED_WORDS)


async def test_the_types_are_the_same_in_sql_and_python(admin: Connection) -> None:
    rows = await admin.fetch("SELECT name, aliases, modifiers, modifier_min, modifier_max FROM schemad.safe_types")
    installed = {row["name"]: (set(row["aliases"]), row["modifiers"], _range(*tuple(row)[2:])) for row in rows}
    assert installed == {
        known.name: (set(known.aliases), known.modifiers, _range(known.modifiers, *known.modifier_range))
        for known in KNOWN_TYPES.values()
    }


def _range(modifiers: int, least: int | None, most: int | None) -> tuple[int | None, int | None] | None:
    return (least, most) if modifiers else None


async def test_the_installed_policy_is_the_default_one(admin: Connection) -> None:
    assert await Queue(admin).policy() == Policy()


async def test_known_types_are_types_of_the_server_under_every_name(admin: Connection) -> None:
    """What schemad writes for a name is what the server itself would take it for."""
    for known in KNOWN_TYPES.values():
        written = known.serial_of or known.name
        for name in () if known.serial_of else (known.name, *known.aliases):
            assert await admin.fetchval(
                f"SELECT NULL::{name} IS NULL AND pg_typeof(NULL::{name}) = '{written}'::regtype"
            )


async def test_a_sound_payload_passes_both_and_an_unsound_one_neither(admin: Connection) -> None:
    """shape_problem() puts the parts together: a name and a type of each kind, as table and as field."""
    for table, name, written, expected in (
        ("Notes", "Title", "Numeric( 10 , 2 )", None),
        ("select", "title", "text", "name.reserved"),
        ("notes", "pg_x", "text", "name.system"),
        ("notes", "title", "varchar(0)", "type.modifier"),
    ):
        payload = json.dumps({"fields": [{"name": name, "type": written}]})
        rule = await admin.fetchval("SELECT rule FROM schemad.shape_problem('me', $1, $2)", table, payload)
        assert rule == expected
        assert expected in {
            _rule(name_finding(table)) or _rule(name_finding(name)) or _rule(read_type(written, field=name))
        }
