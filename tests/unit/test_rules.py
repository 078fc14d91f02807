"""The rules: each has an id of its own, says what would pass, and is broken by an example."""

import json
import pkgutil
import re
from collections import Counter
from dataclasses import dataclass, replace
from importlib import import_module
from typing import Any

import pytest

import schemad
from schemad.ddl import Decision, decide
from schemad.policy import Policy, TableFacts
from schemad.policy.facts import Quota, ReferenceFacts
from schemad.policy.rules import all_rules, core_rules
from schemad.request import Rule, Severity
from tests.unit.strategies import NOTHING, POLICY

ONE = [{"name": "a", "type": "text"}]
# A table of schemad's, with the field a, an id and a row.
TABLE = TableFacts.from_row(
    {
        "relation": "r",
        "is_empty": False,
        "version": 1,
        "owner_role": "app",
        "columns": [
            {"name": "id", "type": "bigint", "nullable": False},
            {"name": "a", "type": "text", "nullable": True},
        ],
        "fields": [
            {"name": "id", "type": "bigint", "nullable": False, "default": None},
            {"name": "a", "type": "text", "nullable": True, "default": None},
        ],
        "primary_key": ["id"],
        "derived": ["t_pkey"],
    }
)


@dataclass(frozen=True, slots=True)
class Example:
    """A request that breaks a rule."""

    payload: Any
    name: str = "t"
    facts: TableFacts = NOTHING
    policy: Policy = POLICY
    auto_create: bool = True
    approved_sql: str | None = None

    def decided(self) -> Decision:
        payload = self.payload if isinstance(self.payload, str) else json.dumps(self.payload)
        return decide(
            self.name,
            payload,
            self.policy,
            self.facts,
            requested_by="app",
            auto_create=self.auto_create,
            approved_sql=self.approved_sql,
        )


def of(type_text: str, default: Any = None, **more: Any) -> dict[str, Any]:
    return {"fields": [{"name": "a", "type": type_text, "default": default, **more}]}


REFERS = of("bigint", references={"table": "books"})
BOOKS = ReferenceFacts(is_managed=True, owner_role="app", bytes=8192, keys=frozenset({"id"}))


def referenced(**how: Any) -> TableFacts:
    """A table books that schemad made, different in some way."""
    return TableFacts(references={"books": replace(BOOKS, **how)})


EXAMPLES: dict[str, Example] = {
    "approval.stale": Example({"fields": ONE}, approved_sql="CREATE TABLE t (a text);"),
    "default.does_not_fit": Example(of("integer", True)),
    "default.frozen": Example(of("date", "today")),
    "default.on_serial": Example(of("serial", 1)),
    "expression.column_unknown": Example({"fields": ONE, "checks": ["b > 0"]}),
    "expression.construct_not_allowed": Example(of("text", {"expression": "CURRENT_USER"})),
    "expression.foreign_name": Example({"fields": ONE, "checks": ["\u0440g_catalog.lower(a) = a"]}),
    "expression.frozen": Example(of("timestamptz", {"expression": "'now'"})),
    "expression.function_not_allowed": Example({"fields": ONE, "checks": ["evil(a)"]}),
    "expression.operator_not_allowed": Example({"fields": ONE, "checks": ["a OPERATOR(public.=) ''"]}),
    "expression.query": Example(of("text", {"expression": "(SELECT 1)"})),
    "expression.slow": Example({"fields": ONE, "checks": ["'a' ~ 'a'"]}),
    "expression.too_long": Example(of("text", {"expression": "1" * 1_001})),
    "expression.too_many": Example({"fields": ONE, "checks": [f"a > '{n}'" for n in range(101)]}),
    "expression.type_not_allowed": Example({"fields": ONE, "checks": ["a::regclass IS NULL"]}),
    "expression.unreadable": Example(of("text", {"expression": "1; DROP TABLE x"})),
    "field.conflict": Example(of("integer"), facts=TABLE),
    "field.duplicate": Example({"fields": [*ONE, {"name": "A", "type": "text"}]}),
    "field.not_null": Example({"fields": [{"name": "b", "type": "text", "nullable": False}]}, facts=TABLE),
    "field.not_there": Example({"fields": ONE, "primary_key": ["b"]}),
    "field.nullable": Example(of("serial", nullable=True)),
    "field.repeated": Example({"fields": ONE, "primary_key": ["a", "a"]}),
    "field.rewrite": Example({"fields": [{"name": "b", "type": "serial"}]}, facts=TABLE),
    "key.on_filled_table": Example({"fields": ONE, "indexes": [{"fields": ["a"]}]}, facts=TABLE),
    "limit.fields": Example({"fields": [{"name": f"f{n}", "type": "text"} for n in range(101)]}),
    "limit.indexes": Example({"fields": [{"name": f"f{n}", "type": "text", "unique": True} for n in range(11)]}),
    "limit.tables": Example({"fields": ONE}, facts=TableFacts(quotas_reached=(Quota("tables_in_all", 3, 4),))),
    "name.invalid": Example({"fields": ONE}, name="a-b"),
    "name.protected": Example({"fields": ONE}, name="Messages"),
    "name.reserved": Example({"fields": ONE}, name="order"),
    "name.system": Example({"fields": ONE}, name="pg_class"),
    "name.too_long": Example({"fields": ONE}, name="x" * 64),
    "payload.control_character": Example({"fields": ONE, "description": "\u202e"}),
    "payload.gap": Example({"fields": ONE, "description": "a" + "\n" * 1_000 + "b"}),
    "payload.no_fields": Example({}),
    "payload.not_object": Example([]),
    "payload.too_many_fields": Example({"fields": ONE * 1_601}),
    "payload.unknown_key": Example({"fields": ONE, "colour": "red"}),
    "payload.unreadable": Example("{"),
    "payload.wrong_type": Example({"fields": ONE, "checks": "a > 0"}),
    "payload.action_unknown": Example({"fields": ONE, "action": "truncate"}),
    "field.not_object": Example({"fields": ["a"]}),
    "field.name_missing": Example({"fields": [{"type": "text"}]}),
    "field.type_missing": Example({"fields": [{"name": "a"}]}),
    "policy.auto_create_off": Example({"fields": ONE}, auto_create=False),
    "reference.another_role": Example(REFERS, facts=referenced(owner_role="other")),
    "reference.large": Example(REFERS, facts=referenced(bytes=2**40)),
    "reference.missing": Example(REFERS, facts=TableFacts(references={"books": None})),
    "reference.no_key": Example(REFERS, facts=referenced(keys=frozenset())),
    "reference.protected": Example(of("bigint", references={"table": "messages"})),
    "reference.too_many": Example(
        {
            "fields": [
                of("bigint", None)["fields"][0]
                | {"name": f"f{n}", "references": {"table": f"t{n}", "field": "id"}}
                for n in range(101)
            ]
        }
    ),
    "reference.unmanaged": Example(REFERS),
    "table.another_role": Example({"fields": ONE}, facts=replace(TABLE, owner_role="other")),
    "table.deprecated": Example({"fields": ONE}, facts=replace(TABLE, is_active=False)),
    "table.drop": Example({"action": "drop"}, facts=TABLE),
    "table.missing": Example({"fields": ONE}, facts=replace(TABLE, relation=None)),
    "table.taken": Example({"fields": ONE}, facts=TableFacts(relation="v")),
    "table.unknown": Example({"action": "restore"}),
    "type.malformed": Example(of("varchar(10)) ; DROP TABLE x; --")),
    "type.modifier": Example(of("varchar(0)")),
    "type.not_safe": Example(of("text"), policy=replace(POLICY, auto_types=frozenset())),
    "type.padded": Example(of("char(3)")),
    "type.unknown": Example(of("money")),
}


def defined_rules() -> list[Rule]:
    """Every rule that a module of schemad's holds, each once."""
    found: dict[int, Rule] = {}
    for package in ("request", "policy", "ddl"):
        path = [f"{root}/{package}" for root in schemad.__path__]
        for module in pkgutil.walk_packages(path, f"schemad.{package}."):
            values = vars(import_module(module.name)).values()
            found |= {id(value): value for value in values if isinstance(value, Rule)}
    return list(found.values())


def test_the_catalogue_has_every_rule_once() -> None:
    assert max(Counter(rule.id for rule in defined_rules()).values()) == 1
    assert all_rules() == {rule.id: rule for rule in defined_rules()}
    assert list(core_rules()) == sorted(core_rules())


@pytest.mark.parametrize("rule", core_rules().values(), ids=lambda rule: rule.id)
def test_a_rule_is_broken_by_its_example_and_does_what_its_severity_says(rule: Rule) -> None:
    assert rule.id in EXAMPLES, "a new rule needs an example here"
    decision = EXAMPLES[rule.id].decided()
    broken = [finding for finding in decision.findings if finding.rule == rule]
    assert broken, decision.findings
    assert decision.apply == (rule.severity is Severity.WARN)
    for finding in broken:
        assert finding.as_row() == {
            "rule": rule.id,
            "severity": rule.severity.value,
            "field": finding.field,
            "message": finding.message,
            "hint": finding.hint,
        }
        assert str(finding).endswith(f"{finding.message} [{rule.id}]")


@pytest.mark.parametrize("rule", core_rules().values(), ids=lambda rule: rule.id)
def test_a_rule_says_what_it_looks_at_and_what_would_pass(rule: Rule) -> None:
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", rule.id)
    assert re.fullmatch(r"\S.*\S[.]", rule.looks_at, re.DOTALL)
    assert re.fullmatch(r"\S.*\S[.]", rule.hint, re.DOTALL)


@pytest.mark.parametrize(
    "rule", [r for r in core_rules().values() if r.severity is Severity.REVIEW], ids=lambda r: r.id
)
def test_what_a_rule_holds_a_person_can_let_through(rule: Rule) -> None:
    held = EXAMPLES[rule.id]
    assert replace(held, approved_sql=held.decided().plan_sql).decided().apply


@pytest.mark.parametrize(
    "rule", [r for r in core_rules().values() if r.severity is Severity.REFUSE], ids=lambda r: r.id
)
def test_what_a_rule_refuses_nobody_can_let_through(rule: Rule) -> None:
    refused = EXAMPLES[rule.id]
    assert not replace(refused, approved_sql=refused.decided().plan_sql).decided().apply
    assert not replace(refused, approved_sql="").decided().apply


@pytest.mark.parametrize("rule", [r for r in core_rules().values() if r.adjustable], ids=lambda r: r.id)
@pytest.mark.parametrize("severity", list(Severity))
def test_an_adjustable_rule_does_what_the_policy_says(rule: Rule, severity: Severity) -> None:
    decision = replace(EXAMPLES[rule.id], policy=with_severity(EXAMPLES[rule.id].policy, rule, severity)).decided()
    assert {f.severity for f in decision.findings if f.rule == rule} == {severity}
    assert decision.apply == (severity is Severity.WARN)


@pytest.mark.parametrize("rule", [r for r in core_rules().values() if not r.adjustable], ids=lambda r: r.id)
def test_a_rule_that_is_not_adjustable_does_not_change(rule: Rule) -> None:
    example = EXAMPLES[rule.id]
    other = Severity.REVIEW if rule.severity is Severity.WARN else Severity.WARN
    adjusted = replace(example, policy=with_severity(example.policy, rule, other)).decided()
    assert adjusted == example.decided()


def with_severity(policy: Policy, rule: Rule, severity: Severity) -> Policy:
    return replace(policy, severities={rule.id: severity})


def test_every_example_is_of_a_rule() -> None:
    assert EXAMPLES.keys() <= core_rules().keys()


@pytest.mark.parametrize("rule", core_rules().values(), ids=lambda rule: rule.id)
def test_a_finding_says_what_would_pass_by_its_rule_unless_it_knows_better(rule: Rule) -> None:
    assert rule.finding("x").hint == rule.hint
    assert rule.finding("x", hint="y").hint == "y"
