"""The decision: what is low-risk runs by itself, what a person approved runs as approved, the rest waits."""

import json
from dataclasses import replace
from typing import Any

import pytest

from schemad.ddl import Decision, Operation, Verdict, decide
from schemad.policy import Policy, TableFacts
from schemad.policy.facts import Quota, ReferenceFacts
from schemad.policy.rules import all_rules
from schemad.request import Index, Severity
from schemad.request.types import Family, KnownType
from tests.unit.strategies import NOTHING, POLICY

SPEC = {
    "fields": [
        {"name": "preference_key", "type": "VARCHAR(255)", "nullable": False},
        {"name": "preference_value", "type": "TEXT", "nullable": True},
        {"name": "user_id", "type": "VARCHAR(255)", "nullable": False},
    ],
    "description": "Store user preferences",
}
HELD = SPEC | {"checks": ["evil(user_id)"]}
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
    assert rules(ask(HELD, auto_create=False)) == ["expression.function_not_allowed"]
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


BOOKS = ReferenceFacts(is_managed=True, owner_role="app", bytes=8192, keys=frozenset({"id", "isbn"}))


def refer(
    *targets: str, books: ReferenceFacts | None = BOOKS, policy: Policy = POLICY, **options: Any
) -> Decision:
    """Asks for fields a, b, … with references to `table.field`."""
    fields = [
        {"name": name, "type": "bigint", "references": {"table": table, "field": key or "id"}}
        for name, (table, _, key) in zip("abcdef", (t.partition(".") for t in targets), strict=False)
    ]
    facts = TableFacts(references={"books": books})
    payload = json.dumps({"fields": fields})
    return decide("user_preferences", payload, policy, facts, requested_by="app", **options)


def test_a_foreign_key_to_a_table_of_one_s_own_is_made_by_itself_with_its_index() -> None:
    decision = refer("books", "Books.ISBN")
    assert (decision.findings, decision.apply) == ((), True)
    assert decision.plan_sql is not None
    assert (
        'CONSTRAINT "user_preferences_a_fkey" FOREIGN KEY ("a") REFERENCES "public"."books" ("id") '
        "ON DELETE NO ACTION" in decision.plan_sql
    )
    for field in "ab":
        index = (
            f'CREATE INDEX "user_preferences_{field}_idx" ON "public"."user_preferences" USING btree ("{field}")'
        )
        assert index in decision.plan_sql


@pytest.mark.parametrize(
    ("keys", "indexed"),
    [
        ({}, True),
        ({"primary_key": ["a"]}, False),
        ({"primary_key": ["b", "a"]}, True),
        ({"unique": [["a", "b"]]}, False),
        ({"indexes": [{"fields": ["a"]}]}, False),
        ({"indexes": [{"fields": ["b", "a"]}]}, True),
        ({"indexes": [{"fields": ["a"], "method": "brin"}]}, True),
        ({"indexes": [{"fields": ["a"], "method": "hash"}]}, False),
    ],
)
def test_a_foreign_key_gets_an_index_of_its_own_where_no_other_serves_it(keys: Any, indexed: bool) -> None:
    fields = [{"name": "a", "type": "bigint", "references": {"table": "books"}}, {"name": "b", "type": "bigint"}]
    facts = TableFacts(references={"books": BOOKS})
    decision = decide("t", json.dumps({"fields": fields} | keys), POLICY, facts, requested_by="app")
    assert decision.apply, decision.findings
    assert decision.request is not None
    asked_for = len(keys.get("indexes", ()))
    assert decision.request.indexes[asked_for:] == ((Index(("a",)),) if indexed else ())


@pytest.mark.parametrize(
    ("books", "expected"),
    [
        (None, ["reference.missing"]),
        (replace(BOOKS, is_managed=False, owner_role=None), ["reference.unmanaged"]),
        (replace(BOOKS, owner_role="other"), ["reference.another_role"]),
        (replace(BOOKS, bytes=None), []),
        (replace(BOOKS, bytes=POLICY.max_referenced_bytes), []),
        (replace(BOOKS, bytes=POLICY.max_referenced_bytes + 1), ["reference.large"]),
        (replace(BOOKS, keys=frozenset({"isbn"})), ["reference.no_key"]),
        (replace(BOOKS, owner_role="other", bytes=2**40), ["reference.another_role", "reference.large"]),
    ],
)
def test_a_foreign_key_is_judged_by_the_table_that_it_points_at(
    books: ReferenceFacts | None, expected: list[str]
) -> None:
    decision = refer("books", books=books)
    assert [f.rule.id for f in decision.findings] == expected
    assert all(f.field == "a" for f in decision.findings)
    assert decision.apply == (not expected)


def test_a_foreign_key_to_a_protected_table_waits_whoever_made_it() -> None:
    policy = replace(POLICY, protected_tables=POLICY.protected_tables | {"books"})
    assert rules(refer("books", policy=policy)) == ["reference.protected"]
    assert rules(refer("MESSAGES", "books")) == ["reference.protected"]


@pytest.mark.parametrize(("key", "expected"), [("id", []), ("a", ["reference.no_key"])])
def test_a_table_may_reference_a_key_of_its_own(key: str, expected: list[str]) -> None:
    decision = refer(f"user_preferences.{key}")
    assert (rules(decision), decision.apply) == (expected, not expected)


def test_over_its_quota_a_role_s_next_table_waits_and_is_told_what_it_has_and_may_have() -> None:
    quotas = (Quota("tables_in_all", 3, 4), Quota("tables_per_day", 1, 1))
    decision = decide("t", json.dumps(SPEC), POLICY, TableFacts(quotas_reached=quotas), requested_by="app")
    assert (rules(decision), decision.apply) == (["limit.tables"] * 2, False)
    assert [f.message for f in decision.findings] == [
        "role app has 4 tables; the policy allows 3 (tables_in_all)",
        "role app has had 1 table made within 24 hours; the policy allows 1 (tables_per_day)",
    ]


@pytest.mark.parametrize("severity", list(Severity))
def test_a_policy_judges_an_adjustable_rule_as_it_says(severity: Severity) -> None:
    policy = replace(POLICY, max_fields=1, severities={"limit.fields": severity})
    decision = ask(SPEC, policy)
    assert [(f.rule.id, f.severity) for f in decision.findings] == [("limit.fields", severity)]
    assert decision.apply == (severity is Severity.WARN)
    approved = ask(SPEC, policy, approved_sql=decision.plan_sql)
    assert approved.apply == (severity is not Severity.REFUSE)


def test_a_rule_that_is_not_adjustable_stays_as_it_is_whatever_the_policy_says() -> None:
    severities = {rule.id: Severity.WARN for rule in all_rules().values() if not rule.adjustable}
    policy = replace(POLICY, severities=severities)
    assert not ask(HELD, policy).apply
    assert not ask(SPEC, policy, name="messages").apply
    assert not refer("messages", policy=policy).apply
    assert not ask(SPEC, policy, auto_create=False).apply


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
        "grant_to_requester": ["SELECT", "INSERT", "UPDATE", "DELETE"],
        "max_fields": 100,
        "max_indexes": 10,
        "max_referenced_bytes": 104857600,
        "max_attempts": 10,
        "further_types": "{}",
        "severities": "{}",
        "auto_types": sorted(POLICY.auto_types),
        "protected_tables": sorted(POLICY.protected_tables),
    }
    assert Policy.from_row(row) == POLICY
    changed = row | {"further_types": '{"mood": "app.mood"}', "severities": '{"limit.fields": "warn"}'}
    policy = Policy.from_row(changed)
    assert policy.severities == {"limit.fields": Severity.WARN}
    assert (policy.further_types["mood"].family, policy.further_types["mood"].sql_name) == (
        Family.OTHER,
        "app.mood",
    )


def test_an_approval_lifts_only_what_the_reviewer_saw() -> None:
    held = ask(HELD)
    seen = frozenset(rules(held))
    assert ask(HELD, approved_sql=held.plan_sql, approved_rules=seen).apply
    moved = ask(
        HELD, replace(POLICY, max_fields=1, max_indexes=0), approved_sql=held.plan_sql, approved_rules=seen
    )
    assert not moved.apply
    assert {"limit.indexes", "approval.stale"} <= set(rules(moved))


def test_an_approval_without_rules_lifts_what_the_same_sql_is_found_to_have() -> None:
    held = ask(HELD)
    assert ask(HELD, approved_sql=held.plan_sql).apply
    assert not ask(HELD, approved_sql=held.plan_sql, approved_rules=frozenset()).apply
    assert ask(WARNED, approved_sql=ask(WARNED).plan_sql, approved_rules=frozenset()).apply


def test_each_setting_of_the_policy_is_as_its_row_says() -> None:
    row = {
        "version": 7,
        "table_schema": "app",
        "grant_to_requester": ["SELECT"],
        "max_fields": 1,
        "max_indexes": 2,
        "max_referenced_bytes": 3,
        "max_attempts": 4,
        "further_types": '{"mood": "app.mood"}',
        "severities": '{"limit.fields": "refuse"}',
        "auto_types": ["text", "mood"],
        "protected_tables": ["x"],
    }
    assert Policy.from_row(row) == Policy(
        version=7,
        table_schema="app",
        grant_to_requester=("SELECT",),
        max_fields=1,
        max_indexes=2,
        max_referenced_bytes=3,
        max_attempts=4,
        auto_types=frozenset({"text", "mood"}),
        further_types={"mood": KnownType("mood", Family.OTHER, catalog_name="app.mood", sql_name="app.mood")},
        severities={"limit.fields": Severity.REFUSE},
        protected_tables=frozenset({"x"}),
    )


@pytest.mark.parametrize(
    ("asked", "passes"),
    [
        ({"unique": [["a"]]}, True),
        ({"unique": [["a", "b"]]}, False),
        ({"unique": [["a", "b"], ["a"]]}, True),
        ({"indexes": [{"fields": ["a"], "unique": True}]}, True),
        ({"indexes": [{"fields": ["a"]}]}, False),
        ({"indexes": [{"fields": ["a", "b"], "unique": True}]}, False),
        ({"primary_key": ["a"]}, True),
        ({"primary_key": ["a", "b"]}, False),
        ({"primary_key": []}, False),
    ],
)
def test_a_table_may_reference_of_its_own_fields_only_what_is_unique_by_itself(
    asked: dict[str, Any], passes: bool
) -> None:
    fields: list[dict[str, Any]] = [{"name": name, "type": "bigint"} for name in "ab"]
    fields.append({"name": "parent", "type": "bigint", "references": {"table": "t", "field": "a"}})
    decision = decide("t", json.dumps(asked | {"fields": fields}), POLICY, NOTHING)
    assert rules(decision) == ([] if passes else ["reference.no_key"])


@pytest.mark.parametrize("type_text", ["date", "time", "timestamptz", "text"])
def test_a_check_with_a_moment_waits_only_where_it_is_over_a_date_or_time(type_text: str) -> None:
    fields = [{"name": "a", "type": type_text}, {"name": "b", "type": "text"}]
    decision = decide("t", json.dumps({"fields": fields, "checks": ["a <> 'today'"]}), POLICY, NOTHING)
    assert rules(decision) == ([] if type_text == "text" else ["expression.frozen"])
    decision = decide("t", json.dumps({"fields": fields, "checks": ["b <> 'today'"]}), POLICY, NOTHING)
    assert rules(decision) == []


@pytest.mark.parametrize("requested_by", ["app", None])
def test_a_plan_made_offline_is_not_judged_by_whose_tables_there_are(requested_by: str | None) -> None:
    facts = TableFacts(references={"books": replace(BOOKS, owner_role="other")})
    fields = [{"name": "a", "type": "bigint", "references": {"table": "books"}}]
    decision = decide("t", json.dumps({"fields": fields}), POLICY, facts, requested_by=requested_by)
    assert rules(decision) == ["reference.another_role"] * (requested_by is not None)
