"""The decision: what is low-risk runs by itself, what a person approved runs as approved, the rest waits."""

import json
from dataclasses import replace
from typing import Any

import pytest

from schemad.ddl import Decision, Operation, Verdict, decide
from schemad.policy import Policy
from tests.unit.strategies import NOTHING, POLICY

SPEC = {
    "fields": [
        {"name": "preference_key", "type": "VARCHAR(255)", "nullable": False},
        {"name": "preference_value", "type": "TEXT", "nullable": True},
        {"name": "user_id", "type": "VARCHAR(255)", "nullable": False},
    ],
    "description": "Store user preferences",
}
HELD = SPEC | {"checks": ["user_id <> ''"]}
REFUSED = {"fields": [{"name": "a", "type": "money"}]}
WARNED = {"fields": [{"name": "code", "type": "char(3)"}]}


def ask(payload: Any, policy: Policy = POLICY, name: str = "user_preferences", **options: Any) -> Decision:
    return decide(name, json.dumps(payload), policy, NOTHING, **options)


def rules(decision: Decision) -> list[str]:
    return [f.rule.id for f in decision.findings]


def test_the_specification_s_example_is_created_by_itself_as_asked() -> None:
    decision = ask(SPEC, requested_by="app")
    assert (decision.verdict, decision.findings, decision.apply) == (Verdict.AUTO, (), True)
    assert decision.plan is not None
    assert decision.plan.operation is Operation.CREATE_TABLE
    assert decision.plan.expected_version is None
    assert decision.plan.summary == "created public.user_preferences with 4 fields"
    assert decision.plan_sql == (
        'CREATE TABLE "public"."user_preferences" (\n'
        '  "id" bigint NOT NULL GENERATED ALWAYS AS IDENTITY,\n'
        '  "preference_key" varchar(255) NOT NULL,\n'
        '  "preference_value" text,\n'
        '  "user_id" varchar(255) NOT NULL,\n'
        '  CONSTRAINT "user_preferences_pkey" PRIMARY KEY ("id")\n'
        ");\n"
        'COMMENT ON TABLE "public"."user_preferences" IS \'Store user preferences\';\n'
        'GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE "public"."user_preferences" TO "app";'
    )


def test_the_same_request_has_the_same_sql_each_time() -> None:
    assert ask(HELD, requested_by="app") == ask(HELD, requested_by="app")


def test_warnings_hold_nothing() -> None:
    decision = ask(WARNED)
    assert (rules(decision), decision.verdict, decision.apply) == (["type.padded"], Verdict.AUTO, True)


def test_with_auto_creation_off_a_request_waits_with_what_would_have_been_done() -> None:
    decision = ask(SPEC, auto_create=False)
    assert (rules(decision), decision.verdict, decision.apply) == (
        ["policy.auto_create_off"],
        Verdict.REVIEW,
        False,
    )
    assert "created public.user_preferences with 4 fields" in decision.findings[0].message
    assert decision.plan_sql == ask(SPEC).plan_sql


def test_with_auto_creation_off_what_is_held_anyway_is_held_for_its_own_reasons() -> None:
    assert rules(ask(HELD, auto_create=False)) == ["check.expression"]
    assert rules(ask(REFUSED, auto_create=False)) == ["type.unknown"]


@pytest.mark.parametrize("auto_create", [True, False])
@pytest.mark.parametrize("payload", [SPEC, HELD, WARNED])
def test_what_was_approved_runs_as_it_was_approved(payload: Any, auto_create: bool) -> None:
    plan_sql = ask(payload).plan_sql
    decision = ask(payload, auto_create=auto_create, approved_sql=plan_sql)
    assert decision.apply
    assert decision.plan_sql == plan_sql
    assert not {"approval.stale", "policy.auto_create_off"} & set(rules(decision))


@pytest.mark.parametrize("payload", [SPEC, HELD, WARNED])
def test_an_approval_of_other_sql_is_stale(payload: Any) -> None:
    approved = ask(payload).plan_sql
    moved = ask(payload, replace(POLICY, table_schema="apps"), approved_sql=approved)
    assert (moved.verdict, moved.apply) == (Verdict.REVIEW, False)
    assert rules(moved)[-1] == "approval.stale"
    assert moved.plan_sql is not None
    assert '"apps"."user_preferences"' in moved.plan_sql


def test_an_empty_approval_is_no_approval_of_everything() -> None:
    assert not ask(HELD, approved_sql="").apply


def test_nobody_can_approve_what_is_refused() -> None:
    decision = ask(REFUSED, approved_sql="CREATE TABLE x ()")
    assert (decision.apply, decision.plan, decision.plan_sql) == (False, None, None)
    protected = ask(SPEC, name="messages")
    assert rules(protected) == ["name.protected"]
    assert not ask(SPEC, name="messages", approved_sql=protected.plan_sql).apply


@pytest.mark.parametrize("name", sorted(POLICY.protected_tables))
@pytest.mark.parametrize("spelling", [str.lower, str.upper, str.capitalize])
def test_protected_tables_are_protected_in_any_spelling(name: str, spelling: Any) -> None:
    decision = ask(SPEC, name=spelling(name))
    assert (rules(decision), decision.apply) == (["name.protected"], False)


def test_a_type_that_the_policy_does_not_let_through_waits() -> None:
    policy = replace(POLICY, auto_types=POLICY.auto_types - {"varchar"})
    decision = ask(SPEC, policy)
    assert [(f.rule.id, f.field) for f in decision.findings] == [
        ("type.not_safe", "preference_key"),
        ("type.not_safe", "user_id"),
    ]
    assert not decision.apply


def test_limits_are_those_of_the_policy() -> None:
    fields = [{"name": f"f{n}", "type": "text", "unique": True} for n in range(3)]
    payload = {"fields": fields, "primary_key": ["f0"], "indexes": [{"fields": ["f1"]}]}
    assert ask(payload, replace(POLICY, max_fields=3, max_indexes=5)).apply
    assert rules(ask(payload, replace(POLICY, max_fields=2, max_indexes=5))) == ["limit.fields"]
    assert rules(ask(payload, replace(POLICY, max_fields=3, max_indexes=4))) == ["limit.indexes"]


def test_foreign_keys_wait_the_protected_ones_by_their_own_rule() -> None:
    fields = [
        {"name": "a", "type": "bigint", "references": {"table": "books"}},
        {"name": "b", "type": "bigint", "references": {"table": "Messages", "on_delete": "CASCADE"}},
    ]
    decision = ask({"fields": fields})
    assert [(f.rule.id, f.field) for f in decision.findings] == [
        ("reference.foreign_key", "a"),
        ("reference.protected", "b"),
    ]
    assert decision.plan_sql is not None
    assert (
        'CONSTRAINT "user_preferences_b_fkey" FOREIGN KEY ("b") REFERENCES "public"."messages" ("id") '
        "ON DELETE CASCADE" in decision.plan_sql
    )


@pytest.mark.parametrize(
    ("privileges", "role", "granted"),
    [(("SELECT",), "app", True), ((), "app", False), (("SELECT",), None, False)],
)
def test_privileges_are_those_of_the_policy_for_the_role_that_asks(
    privileges: tuple[str, ...], role: str | None, granted: bool
) -> None:
    plan_sql = ask(SPEC, replace(POLICY, grant_to_requester=privileges), requested_by=role).plan_sql
    assert plan_sql is not None
    assert ('GRANT SELECT ON TABLE "public"."user_preferences" TO "app"' in plan_sql) == granted


def test_the_policy_is_read_as_the_database_writes_it() -> None:
    row = {
        "version": 1,
        "table_schema": "public",
        "owner_role": "schemad_owner",
        "grant_to_requester": ["SELECT", "INSERT", "UPDATE", "DELETE"],
        "max_fields": 100,
        "max_indexes": 10,
        "auto_types": sorted(POLICY.auto_types),
        "protected_tables": sorted(POLICY.protected_tables),
    }
    assert Policy.from_row(row) == POLICY
