"""The JSON Schema of payloads says what the reader takes: no more, and no less."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from schemad.request import read_request
from schemad.request.schema import payload_schema
from schemad.request.shape import _in_any_case
from schemad.request.table import IndexMethod, OnDelete
from tests.unit.strategies import json_values

# What the reader says of a payload of the wrong shape.
OF_THE_SHAPE = {
    "payload.unreadable",
    "payload.not_object",
    "payload.unknown_key",
    "payload.wrong_type",
    "payload.no_fields",
    "payload.too_many_fields",
    "payload.action_unknown",
    "field.not_object",
    "field.name_missing",
    "field.type_missing",
}
COLUMN = {"name": "a", "type": "text"}


def is_valid(payload: Any) -> bool:
    """Whether the schema takes it."""
    return Draft202012Validator(payload_schema()).is_valid(payload)


def is_read(payload: Any) -> bool:
    """Whether the reader takes its shape."""
    found = read_request("t", json.dumps(payload)).findings
    return OF_THE_SHAPE.isdisjoint(finding.rule.id for finding in found)


def optional(**values: st.SearchStrategy[Any]) -> dict[str, st.SearchStrategy[Any]]:
    """Keys that may be there, with what belongs there or with any other JSON."""
    return {key: st.none() | value | json_values for key, value in values.items()}


texts = st.text(max_size=4)
words = st.sampled_from(["cascade", "SET NULL", "set default", "btree", "GIN", "ensure", "drop", "Ensure", "id"])
references = st.fixed_dictionaries({"table": texts}, optional=optional(field=texts, on_delete=words, other=texts))
columns = st.fixed_dictionaries(
    {"name": texts, "type": st.sampled_from(["text", "integer", "varchar(3)", ""])},
    optional=optional(
        nullable=st.booleans(),
        default=json_values,
        unique=st.booleans(),
        description=texts,
        references=references,
        metadata=st.dictionaries(texts, json_values, max_size=2),
    )
    | {"nulable": st.booleans()},
)
indexes = st.fixed_dictionaries(
    {"fields": st.lists(texts, max_size=2)}, optional=optional(unique=st.booleans(), method=words)
)
payloads = st.fixed_dictionaries(
    {"fields": st.lists(columns, max_size=3)},
    optional=optional(
        description=texts,
        primary_key=st.lists(texts, max_size=2),
        unique=st.lists(st.lists(texts, max_size=2), max_size=2),
        checks=st.lists(st.sampled_from(["a > 0", "x"]), max_size=2),
        indexes=st.lists(indexes, max_size=2),
    )
    | {"action": st.sampled_from([None, "ensure", "Ensure", "", 1])},
)
of_other_actions = st.fixed_dictionaries(
    {"action": st.sampled_from(["deprecate", "restore", "drop"])},
    optional=optional(description=texts, field=texts),
)


def test_it_is_a_sound_schema() -> None:
    schema = payload_schema()
    Draft202012Validator.check_schema(schema)
    assert schema["$schema"] == Draft202012Validator.META_SCHEMA["$id"]


@given(payloads | of_other_actions | json_values)
@example({"fields": []})
@example({"fields": None})
@example({})
@example({"action": "drop"})
@example({"action": None})
@example({"fields": [COLUMN] * 1601})
@example({"fields": [COLUMN], "unique": [["a"]] * 201})
@example({"fields": [COLUMN], "indexes": [{"fields": []}]})
@example({"fields": [COLUMN], "indexes": [{"fields": ["a"], "method": None}]})
@example({"fields": [COLUMN | {"references": {"table": "t", "on_delete": "SET Null"}}]})
@example({"fields": [COLUMN | {"references": {"table": "t", "on_delete": "set  null"}}]})
@example({"fields": [COLUMN | {"nulable": True}]})
@example({"fields": [COLUMN | {"default": {"expression": "1", "more": {}}}]})
def test_the_schema_takes_what_the_reader_takes_and_nothing_else(payload: Any) -> None:
    assert is_valid(json.loads(json.dumps(payload))) == is_read(payload)


@pytest.mark.parametrize("path", [(), ("fields", 0), ("fields", 0, "references"), ("indexes", 0)])
def test_a_mistyped_key_is_refused_at_every_level(path: tuple[str | int, ...]) -> None:
    payload: dict[str, Any] = {
        "fields": [COLUMN | {"references": {"table": "t"}}],
        "indexes": [{"fields": ["a"]}],
    }
    assert is_valid(payload)
    place: Any = payload
    for step in path:
        place = place[step]
    place["filds"] = []
    assert not is_valid(payload)


def test_every_key_says_what_it_is() -> None:
    schema = payload_schema()
    for definition in (schema, *schema["$defs"].values()):
        for key, value in definition["properties"].items():
            assert value["description"].endswith("."), key


def test_an_editor_shows_descriptions_and_no_title_but_the_payload_s() -> None:
    schema = payload_schema()
    assert schema["title"] == "Payload of a request to schemad"
    for definition in (schema, *schema["$defs"].values()):
        assert definition is schema or "title" not in definition
        assert all("title" not in value for value in definition["properties"].values())


@pytest.mark.parametrize("words", [OnDelete, IndexMethod])
@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.title, str.swapcase])
def test_words_are_taken_in_any_case_and_offered_in_one(
    words: type[OnDelete | IndexMethod], spelling: Callable[[str], str]
) -> None:
    schema = _in_any_case(words)
    assert schema["anyOf"][0] == {"enum": [word.value for word in words]}
    validator = Draft202012Validator(schema)
    for word in words:
        assert validator.is_valid(spelling(word.value))
        assert not any(
            validator.is_valid(spelling(other)) for other in (f"x{word}", f"{word}x", f"{word}|", word[1:])
        )
