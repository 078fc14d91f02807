"""The payload: whatever JSON it is, it is understood or refused, with the reason and the field."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from schemad.ddl import Decision, Verdict, decide
from schemad.request import Action, Severity, TableRequest, read_request
from schemad.request.defaults import Literal
from schemad.request.expressions import _remembered
from schemad.request.table import Field, Index, IndexMethod, OnDelete, Reference
from schemad.request.types import FieldType, read_type
from tests.unit.strategies import NOTHING, POLICY, json_values

ONE = [{"name": "a", "type": "text"}]


def understood(payload: dict[str, Any], name: str = "t") -> TableRequest:
    reading = read_request(name, json.dumps(payload))
    assert reading.request is not None, reading.findings
    return reading.request


def refusals(payload: object, name: str = "t") -> list[tuple[str, str | None]]:
    reading = read_request(name, payload if isinstance(payload, str) else json.dumps(payload))
    assert reading.request is None
    assert all(f.severity is Severity.REFUSE for f in reading.findings)
    return [(f.rule.id, f.field) for f in reading.findings]


def assert_sound(decision: Decision) -> None:
    """What holds of every decision, whatever was asked."""
    refused = any(f.severity is Severity.REFUSE for f in decision.findings)
    assert decision.request is not None or refused
    assert decision.apply <= (decision.verdict is Verdict.AUTO)
    assert (decision.plan is None) == (decision.plan_sql is None) == (decision.request is None)
    for finding in decision.findings:
        assert finding.hint
        assert finding.message.isprintable()
        assert len(finding.message) < 2_000
        json.dumps(finding.as_row()).encode()


@given(st.text(max_size=70), json_values)
@example("t", {"fields": [{"name": "a", "type": "numeric(5,2)", "default": float("nan")}]})
@example("t", {"fields": [{"name": "a", "type": "jsonb", "default": [float("inf")]}]})
@example("t", {"fields": [{"name": "\ud800", "type": "\ud800", "description": "\ud800"}], "checks": ["\ud800"]})
def test_any_json_gets_a_decision(name: str, value: Any) -> None:
    assert_sound(decide(name, json.dumps(value), POLICY, NOTHING))


@given(st.fixed_dictionaries({"fields": st.lists(st.fixed_dictionaries(
    {"name": st.text(max_size=8) | json_values, "type": st.text(max_size=12) | json_values},
    optional={"default": json_values, "references": json_values, "metadata": json_values},
), max_size=3)}, optional={"primary_key": json_values, "unique": json_values, "checks": json_values,
                           "indexes": json_values, "action": json_values}))  # fmt: skip
def test_any_json_within_a_payload_gets_a_decision(value: Any) -> None:
    assert_sound(decide("t", json.dumps(value), POLICY, NOTHING))


@given(st.text())
@example("")
@example("\0")
@example("NaN")
@example('{"fields": [{"name": "a", "type": "numeric", "default": ' + "9" * 5_000 + "}]}")
@example('{"fields": [{"name": "a", "type": "real", "default": 1e400}]}')
@example('{"fields": [{"name": "a", "type": "bigint", "default": 1e999999999}]}')
@example('{"fields": [{"name": "a", "type": "jsonb", "default": -0.0}]}')
@example('{"fields": [{"name": "a", "type": "jsonb", "default": 1e-400}]}')
@example('{"fields": [{"name": "a", "name": "b", "type": "text"}]}')
def test_any_text_as_a_payload_gets_a_decision(text: str) -> None:
    assert_sound(decide("t", text, POLICY, NOTHING))


@given(st.text())
@example("USER_PROFILES")
def test_any_text_as_a_name_gets_a_decision(name: str) -> None:
    decision = decide(name, json.dumps({"fields": ONE}), POLICY, NOTHING)
    assert_sound(decision)
    unreadable = {f.rule.id for f in decision.findings if f.rule.id.startswith("name.")} - {"name.protected"}
    assert (decision.request is None) == bool(unreadable)


@pytest.mark.parametrize(
    "checks",
    [
        [f"a > '{n}'" for n in range(101)],
        [f"a > '{n}{'x' * 700}'" for n in range(9)],
    ],
)
def test_expressions_beyond_a_limit_are_not_read(checks: list[str]) -> None:
    before = _remembered.cache_info()
    assert refusals({"fields": ONE, "checks": checks}) == [("expression.too_many", None)]
    fields = [{"name": f"f{n}", "type": "text", "default": {"expression": c}} for n, c in enumerate(checks)]
    assert refusals({"fields": fields}) == [("expression.too_many", None)]
    assert _remembered.cache_info() == before
    understood({"fields": ONE, "checks": checks[:5]})


def referencing(tables: int) -> dict[str, Any]:
    """A payload with two fields for each of so many tables."""
    names = [f"t{n}" for n in range(tables)]
    fields = [(f"{a}_{table}", table) for a in "ab" for table in names]
    return {
        "fields": [{"name": n, "type": "bigint", "references": {"table": t, "field": "id"}} for n, t in fields]
    }


def test_more_tables_than_are_looked_up_may_not_be_referenced() -> None:
    assert refusals(referencing(101)) == [("reference.too_many", None)]
    understood(referencing(100))


def test_an_expression_that_comes_again_counts_once() -> None:
    default = {"expression": "repeat('x', 100)"}
    understood({"fields": [{"name": f"f{n}", "type": "text", "default": default} for n in range(1_000)]})


@pytest.mark.parametrize(
    "payload",
    [
        {"fields": ONE, "unique": [1] * 50_000},
        {"fields": ONE, "indexes": [1] * 50_000},
        {"fields": ONE} | {f"key{n}": 1 for n in range(10_000)},
    ],
)
def test_of_a_payload_that_is_wrong_throughout_only_some_is_told(payload: dict[str, Any]) -> None:
    assert len(refusals(payload)) <= 100


@pytest.mark.parametrize("depth", [10, 500, *range(950, 1_000), 100_000])
@pytest.mark.parametrize(
    "around",
    [
        '{"fields": [{"name": "a", "type": "jsonb", "default": %s}]}',
        '{"fields": [{"name": "a", "type": "text", "default": %s}]}',
        '{"fields": [{"name": "a", "type": "text", "metadata": {"x": %s}}]}',
        '{"fields": %s}',
        "%s",
    ],
)
def test_json_of_any_depth_gets_a_decision(around: str, depth: int) -> None:
    assert_sound(decide("t", around % ("[" * depth + "]" * depth), POLICY, NOTHING))
    assert_sound(decide("t", around % ('{"a":' * depth + "1" + "}" * depth), POLICY, NOTHING))


def test_a_huge_payload_gets_a_decision_with_a_short_message() -> None:
    payload = {"fields": [{"name": "a", "type": "text", "default": ["x" * 20_000_000]}]}
    assert_sound(decide("t", json.dumps(payload), POLICY, NOTHING))


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ("", [("payload.unreadable", None)]),
        ("{", [("payload.unreadable", None)]),
        ("[" * 100_000, [("payload.unreadable", None)]),
        ("9" * 5_000, [("payload.unreadable", None)]),
        ([], [("payload.not_object", None)]),
        ("null", [("payload.not_object", None)]),
        ('"text"', [("payload.not_object", None)]),
        ({}, [("payload.no_fields", None)]),
        ({"fields": None}, [("payload.no_fields", None)]),
        ({"fields": []}, [("payload.no_fields", None)]),
        ({"fields": "a"}, [("payload.no_fields", None)]),
        ({"fields": {"a": "text"}}, [("payload.no_fields", None)]),
        ({"fields": ["a"]}, [("field.not_object", "field 1")]),
        ({"fields": [{"type": "text"}]}, [("field.name_missing", "field 1")]),
        ({"fields": [{"name": "a"}]}, [("field.type_missing", "a")]),
        ({"fields": [{"name": 1, "type": "text"}]}, [("field.name_missing", "field 1")]),
        ({"fields": [{"name": "a", "type": ["text"]}]}, [("field.type_missing", "a")]),
        ({"fields": [{"name": "a", "type": "text", "nullable": "no"}]}, [("payload.wrong_type", "a")]),
        ({"fields": [{"name": "a", "type": "text", "nullable": 0}]}, [("payload.wrong_type", "a")]),
        ({"fields": [{"name": "a", "type": "text", "unique": 1}]}, [("payload.wrong_type", "a")]),
        ({"fields": [{"name": "a", "type": "text", "description": 1}]}, [("payload.wrong_type", "a")]),
        ({"fields": [{"name": "a", "type": "text", "metadata": []}]}, [("payload.wrong_type", "a")]),
        ({"fields": [{"name": "a", "type": "text", "references": "b"}]}, [("payload.wrong_type", "a")]),
        ({"fields": [{"name": "a", "type": "text", "references": {}}]}, [("payload.wrong_type", "a")]),
        (
            {"fields": [{"name": "a", "type": "text", "references": {"table": "b", "on_delete": "vanish"}}]},
            [("payload.wrong_type", "a")],
        ),
        ({"fields": [{"name": "a", "type": "text", "lenght": 3}]}, [("payload.unknown_key", "a")]),
        ({"fields": ONE, "primaryKey": ["a"]}, [("payload.unknown_key", None)]),
        ({"fields": ONE, "primary_key": "a"}, [("payload.wrong_type", None)]),
        ({"fields": ONE, "unique": ["a"]}, [("payload.wrong_type", None)]),
        ({"fields": ONE, "checks": "a > 0"}, [("payload.wrong_type", None)]),
        ({"fields": ONE, "indexes": [{"fields": []}]}, [("payload.wrong_type", None)]),
        ({"fields": ONE, "indexes": [{"fields": ["a"], "method": "rum"}]}, [("payload.wrong_type", None)]),
        ({"fields": ONE, "action": "truncate"}, [("payload.action_unknown", None)]),
        ({"fields": ONE, "action": 1}, [("payload.action_unknown", None)]),
        ({"fields": ONE, "primary_key": ["a"] * 33}, [("payload.wrong_type", None)]),
        ({"fields": ONE, "unique": [["a"] * 33]}, [("payload.wrong_type", None)]),
        ({"fields": ONE, "description": "a\0"}, [("payload.control_character", None)]),
        (
            {"fields": [{"name": "a", "type": "text", "description": "\u202e"}]},
            [("payload.control_character", "a")],
        ),
        (
            {"fields": [*ONE, {"name": "A", "type": "text"}]},
            [("field.duplicate", "a")],
        ),
        ({"fields": ONE, "primary_key": ["b"]}, [("field.not_there", None)]),
        ({"fields": ONE, "unique": [["a", "b"]]}, [("field.not_there", None)]),
        ({"fields": ONE, "indexes": [{"fields": ["b"]}]}, [("field.not_there", None)]),
        ({"fields": ONE, "primary_key": ["id"]}, [("field.not_there", None)]),
        ({"fields": ONE, "unique": [["a", "A"]]}, [("field.repeated", "a")]),
        ({"fields": [{"name": "id", "type": "uuid", "nullable": True}]}, [("field.nullable", "id")]),
        ({"fields": [{"name": "n", "type": "serial", "nullable": True}]}, [("field.nullable", "n")]),
        (
            {"fields": [{"name": "a", "type": "text", "nullable": True}], "primary_key": ["a"]},
            [("field.nullable", "a")],
        ),
        (
            {"fields": [{"name": f"f{n}", "type": "text"} for n in range(10_000)]},
            [("payload.too_many_fields", None)],
        ),
        (
            {"fields": [{"name": "order", "type": "text"}, {"name": "b", "type": "money"}]},
            [("name.reserved", "order"), ("type.unknown", "b")],
        ),
    ],
)
def test_what_is_wrong_is_told_by_rule_and_field(payload: object, expected: list[tuple[str, str | None]]) -> None:
    assert refusals(payload) == expected


def test_which_of_several_indexes_is_meant_is_told() -> None:
    indexes = [{"fields": ["a"]}, {"fields": ["a"], "method": "rum"}]
    [finding] = read_request("t", json.dumps({"fields": ONE, "indexes": indexes})).findings
    assert finding.message.startswith("indexes.1.method is btree, ")


def test_all_that_is_wrong_is_told_at_once() -> None:
    fields = [{"name": "1", "type": "money"}, {"name": "a", "type": "integer", "default": "x"}]
    assert refusals({"fields": fields, "primary_key": ["b"]}, "pg_x") == [
        ("name.system", None),
        ("name.invalid", "1"),
        ("type.unknown", "1"),
        ("default.does_not_fit", "a"),
        ("field.not_there", None),
    ]


def test_without_key_and_id_schemad_adds_an_id_that_numbers_itself() -> None:
    request = understood({"fields": ONE})
    assert [(f.name, str(f.type), f.nullable, f.always_generated) for f in request.fields] == [
        ("id", "bigint", False, True),
        ("a", "text", True, False),
    ]
    assert (request.primary_key, request.key_was_given) == (("id",), False)


def test_a_field_id_is_the_key() -> None:
    request = understood({"fields": [*ONE, {"name": "ID", "type": "uuid", "default": "gen_random_uuid()"}]})
    assert [(f.name, f.nullable) for f in request.fields] == [("a", True), ("id", False)]
    assert request.primary_key == ("id",)


def test_a_given_key_is_the_key_in_its_order_and_not_null() -> None:
    fields = [{"name": n, "type": "integer"} for n in "abc"]
    request = understood({"fields": fields, "primary_key": ["C", "a"]})
    assert request.primary_key == ("c", "a")
    assert [(f.name, f.nullable) for f in request.fields] == [("a", False), ("b", True), ("c", False)]


def test_an_empty_key_is_none() -> None:
    request = understood({"fields": ONE, "primary_key": []})
    assert [f.name for f in request.fields] == ["a"]
    assert (request.primary_key, request.key_was_given) == ((), True)


def test_names_are_folded_everywhere() -> None:
    request = understood(
        {
            "fields": [
                {"name": "A", "type": "text", "references": {"table": "Other", "field": "Key"}},
                {"name": "B", "type": "text"},
            ],
            "unique": [["A", "B"]],
            "indexes": [{"fields": ["B"], "method": "GIN"}],
        },
        "Table_1",
    )
    assert request.name == "table_1"
    assert [f.name for f in request.fields] == ["id", "a", "b"]
    assert request.fields[1].references == Reference("other", "key", OnDelete.NO_ACTION)
    assert request.unique == (("a", "b"),)
    assert request.indexes == (Index(("b",), method=IndexMethod.GIN),)


def test_what_is_asked_twice_is_made_once() -> None:
    request = understood(
        {
            "fields": ONE,
            "unique": [["a"], ["A"], []],
            "checks": ["a>''", "a > ''"],
            "indexes": [{"fields": ["a"]}, {"fields": ["a"], "unique": False}],
        }
    )
    assert (len(request.unique), len(request.checks), len(request.indexes)) == (1, 1, 1)


@pytest.mark.parametrize("action", [a for a in Action if a is not Action.ENSURE])
def test_other_actions_need_no_fields(action: Action) -> None:
    assert understood({"action": action.value}).action is action


def test_null_is_as_good_as_a_key_left_out() -> None:
    bare = {"fields": ONE}
    nulls = dict.fromkeys(("action", "description", "primary_key", "unique", "checks", "indexes"))
    field_nulls = dict.fromkeys(("nullable", "default", "unique", "description", "references", "metadata"))
    assert understood({"fields": [ONE[0] | field_nulls], **nulls}) == understood(bare)


def test_a_request_is_read_with_everything_that_it_says() -> None:
    request = understood(
        {
            "description": "who buys",
            "fields": [
                {"name": "a", "type": "varchar(9)", "nullable": False, "default": "x", "description": "of a"},
                {"name": "b", "type": "bigint", "unique": True, "references": {"table": "t2", "field": "c"}},
            ],
            "primary_key": ["a"],
            "unique": [["a", "b"]],
            "checks": ["b > 0"],
            "indexes": [
                {"fields": ["b"], "unique": True, "method": "Btree"},
                {"fields": ["a", "b"], "method": "BRIN"},
            ],
        }
    )
    assert request == TableRequest(
        name="t",
        action=Action.ENSURE,
        description="who buys",
        fields=(
            Field("a", _type("varchar(9)"), nullable=False, default=Literal("x"), description="of a", position=0),
            Field(
                "b",
                _type("bigint"),
                unique=True,
                references=Reference("t2", "c", OnDelete.NO_ACTION),
                position=1,
            ),
        ),
        primary_key=("a",),
        key_was_given=True,
        unique=(("a", "b"),),
        checks=request.checks,
        indexes=(Index(("b",), unique=True), Index(("a", "b"), method=IndexMethod.BRIN)),
    )
    assert [check.sql for check in request.checks] == ["b > 0"]


def _type(text: str) -> FieldType:
    found = read_type(text, field="f")
    assert isinstance(found, FieldType)
    return found


@pytest.mark.parametrize("action", ["deprecate", "restore", "drop"])
def test_an_action_without_fields_keeps_its_description(action: str) -> None:
    assert understood({"action": action, "description": "why"}) == TableRequest("t", Action(action), "why")


@pytest.mark.parametrize("on_delete", list(OnDelete))
def test_what_becomes_of_a_row_without_its_referenced_one_is_taken_in_any_case(on_delete: OnDelete) -> None:
    for given_text in (on_delete.value, on_delete.value.upper()):
        references = {"table": "Books", "on_delete": given_text}
        request = understood({"fields": [{"name": "a", "type": "bigint", "references": references}]})
        assert request.fields[1].references == Reference("books", "id", on_delete)


def test_as_many_fields_keys_and_expressions_as_there_may_be_are_read() -> None:
    fields = [{"name": f"f{n}", "type": "text"} for n in range(1_600)]
    assert len(understood({"fields": fields, "primary_key": [], "unique": [["f1"]] * 200}).fields) == 1_600
    understood({"fields": fields[:32], "primary_key": [f"f{n}" for n in range(32)]})
    understood({"fields": ONE, "checks": [f"a > '{n}'" for n in range(100)]})
    understood({"fields": ONE, "checks": [f"a > '{n}{'x' * 993}'" for n in range(4)]})
    assert refusals(
        {"fields": ONE, "checks": [f"a > '{n}{'x' * 993}'" for n in range(3)] + ["a > '3" + "x" * 994 + "'"]}
    )
