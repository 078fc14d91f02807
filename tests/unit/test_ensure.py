"""ensure: a request says what should be there, so that asking twice is harmless and asking for more adds it."""

import json
from dataclasses import asdict, replace
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from schemad.ddl import Decision, Operation, Verdict, decide
from schemad.ddl.render import default_sql
from schemad.ddl.statements import (
    AddColumn,
    AddConstraint,
    Comment,
    CreateIndex,
    DropTable,
    RequireEmpty,
    RequireNoType,
    SetDefault,
    TableName,
    Unique,
)
from schemad.policy import Column, Policy, RegisteredField, TableFacts
from schemad.policy.difference import all_uniques, check_name, index_names, reference_name, unique_names
from schemad.policy.facts import RELATION_KINDS, ForeignKeyFacts, Quota, ReferenceFacts
from schemad.request import TableRequest, read_request
from schemad.request.defaults import Generator
from schemad.request.names import derived_name
from schemad.request.table import OnDelete, Reference
from schemad.request.types import Family, KnownType
from tests.unit.strategies import NOTHING, POLICY, Asked, sound_requests

QUOTA = Quota("tables_in_all", 3, 4)
TITLE = {"name": "title", "type": "varchar(80)", "nullable": False}
NOTE = {"name": "note", "type": "text"}
BASE: dict[str, Any] = {"fields": [TITLE, {"name": "at", "type": "timestamptz", "default": "now()"}]}


def facts_after(request: TableRequest, *, empty: bool = True, owner_role: str = "app") -> TableFacts:
    """What the database holds once a request was applied."""
    name = request.name
    derived = {next(unique_names(name, u)) for u in all_uniques(request)}
    derived |= {next(index_names(name, i)) for i in request.indexes} | {
        check_name(name, c) for c in request.checks
    }
    derived |= {reference_name(name, f.name) for f in request.fields if f.references}
    if request.primary_key:
        derived.add(derived_name(name, kind="pkey"))
    return TableFacts(
        relation="r",
        is_empty=empty,
        version=1,
        owner_role=owner_role,
        columns=tuple(
            Column(f.name, f.type.catalog_name, f.nullable, numbers_itself=f.always_generated or f.type.is_serial)
            for f in request.fields
        ),
        fields=tuple(
            RegisteredField(f.name, str(f.type), f.nullable, default_sql(f.default) if f.default else None)
            for f in request.fields
        ),
        primary_key=request.primary_key,
        foreign_keys={
            reference_name(name, f.name): ForeignKeyFacts(f.name, f.references)
            for f in request.fields
            if f.references
        },
        derived=frozenset(derived),
    )


def existing(payload: dict[str, Any], **how: Any) -> TableFacts:
    request = read_request("notes", json.dumps(payload)).request
    assert request is not None
    return facts_after(request, **how)


EMPTY = existing(BASE)
FILLED = existing(BASE, empty=False)


def ask(payload: dict[str, Any], facts: TableFacts, policy: Policy = POLICY, role: str | None = "app") -> Decision:
    return decide("Notes", json.dumps(payload), policy, facts, requested_by=role)


def more(*fields: dict[str, Any], **keys: Any) -> dict[str, Any]:
    return {"fields": [*BASE["fields"], *fields], **keys}


def rules(decision: Decision) -> list[str]:
    return [f.rule.id for f in decision.findings]


def kinds(decision: Decision) -> list[type]:
    assert decision.plan is not None
    return [type(s) for s in decision.plan.statements]


@settings(suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(sound_requests())
def test_asking_again_for_what_is_there_changes_nothing(asked: Asked) -> None:
    first = asked.decided(requested_by="app")
    assert first.request is not None
    again = asked.decided(facts=facts_after(first.request, empty=False), requested_by="app")
    assert again.plan is not None
    assert (again.plan.operation, again.plan_sql) == (Operation.NO_CHANGE, "")
    assert "field.conflict" not in rules(again)
    # What was held for its parts is harmless now; only limits are about the whole.
    assert {f.rule.id for f in again.findings} <= {"limit.fields", "limit.indexes"}


@pytest.mark.parametrize("facts", [EMPTY, FILLED], ids=["empty", "filled"])
def test_asking_for_some_of_the_fields_changes_nothing(facts: TableFacts) -> None:
    decision = ask({"fields": [TITLE]}, facts)
    assert (decision.verdict, decision.apply, decision.findings) == (Verdict.AUTO, True, ())
    assert decision.plan is not None
    assert decision.plan.operation is Operation.NO_CHANGE
    assert decision.plan.summary == "public.notes has all of it already"


@pytest.mark.parametrize("facts", [EMPTY, FILLED], ids=["empty", "filled"])
def test_a_nullable_field_is_added_by_itself(facts: TableFacts) -> None:
    decision = ask(more(NOTE | {"description": "what else"}), facts)
    assert (decision.verdict, decision.apply) == (Verdict.AUTO, True)
    assert kinds(decision) == [AddColumn, Comment]
    assert decision.plan is not None
    assert decision.plan.operation is Operation.ADD_FIELDS
    assert [f.name for f in decision.plan.added] == ["note"]
    assert decision.plan.expected_version == 1
    assert decision.plan.summary == "added 1 field to public.notes"


@pytest.mark.parametrize("default", [0, 1])
@pytest.mark.parametrize("facts", [EMPTY, FILLED], ids=["empty", "filled"])
def test_a_constant_default_is_added_by_itself_even_not_null(facts: TableFacts, default: int) -> None:
    decision = ask(more({"name": "n", "type": "integer", "nullable": False, "default": default}), facts)
    assert decision.apply
    assert kinds(decision) == [AddColumn]


@pytest.mark.parametrize(
    ("type_text", "default"),
    [("timestamptz", "now()"), ("date", "CURRENT_DATE"), ("timestamptz", "statement_timestamp()")],
)
def test_a_stable_default_is_added_in_one_step(type_text: str, default: str) -> None:
    field = {"name": "n", "type": type_text, "nullable": False, "default": default}
    decision = ask(more(field), FILLED)
    assert decision.apply
    assert kinds(decision) == [AddColumn]


def test_a_volatile_default_on_a_filled_table_is_for_rows_to_come() -> None:
    decision = ask(more({"name": "key", "type": "uuid", "default": "gen_random_uuid()"}), FILLED)
    assert decision.apply
    assert decision.plan is not None
    add, set_default = decision.plan.statements
    assert isinstance(add, AddColumn)
    assert add.field.default is None
    assert set_default == SetDefault(
        TableName("public", "notes"), "key", Generator("gen_random_uuid()", volatile=True)
    )


def test_a_volatile_default_on_an_empty_table_is_added_in_one_step() -> None:
    field = {"name": "key", "type": "uuid", "nullable": False, "default": "gen_random_uuid()"}
    decision = ask(more(field), EMPTY)
    assert decision.apply
    assert kinds(decision) == [AddColumn]


@pytest.mark.parametrize(
    "field",
    [
        {"name": "key", "type": "uuid", "nullable": False, "default": "gen_random_uuid()"},
        {"name": "number", "type": "bigserial"},
    ],
)
def test_a_field_that_would_rewrite_the_rows_waits_for_review(field: dict[str, Any]) -> None:
    decision = ask(more(field), FILLED)
    assert (rules(decision), decision.apply) == (["field.rewrite"], False)
    assert ask(more(field), EMPTY).apply


@pytest.mark.parametrize("type_text", ["posint", "posint[]"])
def test_a_field_of_an_added_type_waits_where_there_are_rows_as_it_may_be_a_domain_with_a_check(
    type_text: str,
) -> None:
    posint = KnownType("posint", Family.OTHER, catalog_name="app.posint", sql_name="app.posint")
    policy = replace(POLICY, further_types={"posint": posint}, auto_types=POLICY.auto_types | {"posint"})
    field = {"name": "n", "type": type_text}
    decision = ask(more(field), FILLED, policy)
    assert (rules(decision), decision.apply) == (["field.rewrite"], False)
    assert ask(more(field), EMPTY, policy).apply


def test_not_null_without_a_default_needs_an_empty_table() -> None:
    payload = more(NOTE | {"nullable": False})
    refused = ask(payload, FILLED)
    assert (rules(refused), refused.apply) == (["field.not_null"], False)
    assert ask(payload, EMPTY).apply


@pytest.mark.parametrize(
    ("keys", "kind"),
    [
        ({"unique": [["title", "at"]]}, AddConstraint),
        ({"indexes": [{"fields": ["at"]}]}, CreateIndex),
        ({"indexes": [{"fields": ["title"], "unique": True}]}, CreateIndex),
    ],
)
def test_keys_and_indexes_on_a_filled_table_wait_for_review(keys: dict[str, Any], kind: type) -> None:
    held = ask(more(**keys), FILLED)
    assert (rules(held), held.apply, kinds(held)) == (["key.on_filled_table"], False, [kind])
    made = ask(more(**keys), EMPTY)
    assert (made.apply, kinds(made)) == (True, [kind])
    assert made.plan is not None
    assert made.plan.summary == "added keys or indexes to public.notes"


def test_a_unique_field_on_a_filled_table_waits_for_review() -> None:
    decision = ask(more(NOTE | {"unique": True}), FILLED)
    assert rules(decision) == ["key.on_filled_table"]
    assert kinds(decision) == [AddColumn, AddConstraint]


def test_a_unique_pair_is_not_mistaken_for_the_field_with_both_their_names() -> None:
    fields = [{"name": n, "type": "text"} for n in ("a", "b", "a_b")]
    facts = existing({"fields": fields, "unique": [["a_b"]]})
    decision = ask({"fields": fields, "unique": [["a_b"], ["a", "b"]]}, facts)
    assert decision.plan is not None
    (added,) = decision.plan.statements
    assert isinstance(added, AddConstraint)
    assert isinstance(added.constraint, Unique)
    assert added.constraint.fields == ("a", "b")


def test_a_check_or_reference_that_lacks_waits_for_review() -> None:
    link = {"name": "book", "type": "bigint", "references": {"table": "books"}}
    decision = ask(more(link, checks=["evil(title)"]), EMPTY)
    assert rules(decision) == ["reference.unmanaged", "expression.function_not_allowed"]
    assert kinds(decision) == [AddColumn, AddConstraint, AddConstraint, CreateIndex]


def test_a_check_over_a_field_that_only_the_table_has_is_added_to_an_empty_one() -> None:
    decision = ask({"fields": [NOTE], "checks": ["note <> title"]}, EMPTY)
    assert (decision.findings, decision.apply) == ((), True)
    assert kinds(decision) == [AddColumn, AddConstraint]
    assert rules(ask({"fields": [NOTE], "checks": ["note <> title"]}, FILLED)) == ["key.on_filled_table"]


def test_a_reference_of_a_table_to_itself_needs_a_key_that_is_there_or_asked_for() -> None:
    def parent(key: str) -> dict[str, Any]:
        return {"name": "parent", "type": "bigint", "references": {"table": "notes", "field": key}}

    facts = replace(EMPTY, keys=frozenset({"id", "title"}))
    assert ask(more(parent("title")), facts).apply
    assert rules(ask(more(parent("at")), facts)) == ["reference.no_key"]
    unique = {"name": "number", "type": "bigint", "unique": True}
    assert ask(more(unique, parent("number")), facts).apply


def test_a_role_over_its_quota_still_adds_fields_to_its_tables() -> None:
    assert ask(more(NOTE), replace(EMPTY, quotas_reached=(QUOTA,))).apply


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ({"fields": [TITLE | {"type": "varchar(81)"}]}, "title"),
        ({"fields": [TITLE | {"type": "text"}]}, "title"),
        ({"fields": [TITLE | {"type": "varchar(80)[]"}]}, "title"),
        ({"fields": [TITLE | {"nullable": True}]}, "title"),
        ({"fields": [{"name": "at", "type": "timestamptz", "nullable": False}]}, "at"),
        ({"fields": [{"name": "at", "type": "timestamptz", "default": "clock_timestamp()"}]}, "at"),
        ({"fields": [TITLE | {"default": "x"}]}, "title"),
        ({"fields": [{"name": "id", "type": "uuid"}]}, "id"),
        ({"fields": [TITLE], "primary_key": ["title"]}, None),
        ({"fields": [TITLE], "primary_key": []}, None),
    ],
)
def test_what_is_there_otherwise_than_asked_is_refused(payload: dict[str, Any], field: str | None) -> None:
    decision = ask(payload, EMPTY)
    assert [(f.rule.id, f.field) for f in decision.findings] == [("field.conflict", field)]
    assert not decision.apply


def _books(**references: Any) -> dict[str, Any]:
    return {"fields": [{"name": "book", "type": "bigint", "references": {"table": "books"} | references}]}


@pytest.mark.parametrize(
    ("references", "told"),
    [
        ({"table": "authors"}, "it references books.id, on delete no action"),
        ({"table": "nowhere"}, "it references books.id, on delete no action"),
        ({"field": "number"}, "it references books.id, on delete no action"),
        ({"on_delete": "cascade"}, "it references books.id, on delete no action"),
        ({}, None),
    ],
)
def test_a_foreign_key_to_elsewhere_does_not_pass_for_the_one_asked_for(
    references: dict[str, str], told: str | None
) -> None:
    target = ReferenceFacts(is_managed=True, owner_role="app", bytes=0, keys=frozenset({"id", "number"}))
    facts = replace(existing(_books()), references={"books": target, "authors": target, "nowhere": target})
    decision = ask(_books(**references), facts)
    assert rules(decision) == (["field.conflict"] if told else [])
    assert told is None or told in decision.findings[0].message


def test_what_has_the_name_of_a_foreign_key_and_is_none_does_not_pass_for_it() -> None:
    decision = ask(_books(), replace(existing(_books()), foreign_keys={}))
    assert rules(decision) == ["field.conflict"]
    assert "its notes_book_fkey is no foreign key" in decision.findings[0].message


def test_the_foreign_key_of_a_column_that_was_renamed_does_not_pass_for_that_of_the_new_one() -> None:
    there = existing(_books())
    [(name, key)] = there.foreign_keys.items()
    decision = ask(_books(), replace(there, foreign_keys={name: replace(key, of="old")}))
    assert rules(decision) == ["field.conflict"]
    assert "its notes_book_fkey is of field old" in decision.findings[0].message


def test_a_column_that_does_not_number_itself_does_not_pass_for_a_serial() -> None:
    plain = existing({"fields": [{"name": "id", "type": "bigint"}]})
    serial = {"fields": [{"name": "id", "type": "bigserial"}]}
    assert rules(ask(serial, plain)) == ["field.conflict"]
    assert ask(serial, existing(serial)).apply
    # Who asks for a plain one gets along with one that numbers itself.
    assert ask({"fields": [{"name": "id", "type": "bigint"}]}, existing(serial)).apply


@pytest.mark.parametrize("key", [["code"], []])
def test_an_id_that_is_to_be_the_key_is_not_added_to_a_table_with_another_key(key: list[str]) -> None:
    code = {"name": "code", "type": "text", "nullable": False}
    facts = existing({"fields": [code], "primary_key": key})
    decision = ask({"fields": [code, {"name": "id", "type": "bigint"}]}, facts)
    assert [(f.rule.id, f.field) for f in decision.findings] == [("field.conflict", None)]
    # Where the request says what the key is, it is a field like any other.
    named = {"fields": [code, {"name": "id", "type": "bigint"}], "primary_key": key}
    assert ask(named, facts).apply
    assert ask({"fields": [code]}, facts).apply


def test_a_default_that_is_another_or_none_is_told_as_it_is() -> None:
    for name, default, told in (
        ("at", "clock_timestamp()", "has the default now()"),
        ("title", "x", "has no default"),
    ):
        field = next(f for f in BASE["fields"] if f["name"] == name)
        [finding] = ask({"fields": [field | {"default": default}]}, EMPTY).findings
        assert f"it {told}" in finding.message


@pytest.mark.parametrize("approved", [True, False])
def test_nobody_can_approve_a_conflict(approved: bool) -> None:
    payload = json.dumps({"fields": [TITLE | {"type": "text"}, NOTE]})
    first = decide("notes", payload, POLICY, FILLED, requested_by="app")
    second = decide(
        "notes", payload, POLICY, FILLED, requested_by="app", approved_sql=first.plan_sql if approved else None
    )
    assert not second.apply


def test_a_table_dropped_by_hand_is_made_again_only_by_approval() -> None:
    facts = replace(EMPTY, relation=None, columns=(), derived=frozenset())
    held = ask(BASE, facts)
    assert (rules(held), held.apply) == (["table.missing"], False)
    assert held.plan is not None
    assert (held.plan.operation, held.plan.expected_version) == (Operation.CREATE_TABLE, 1)
    approved = decide("notes", json.dumps(BASE), POLICY, facts, requested_by="app", approved_sql=held.plan_sql)
    assert approved.apply


def test_another_role_s_table_waits_for_review() -> None:
    decision = ask(more(NOTE), EMPTY, role="other_app")
    assert (rules(decision), decision.apply) == (["table.another_role"], False)
    assert ask(more(NOTE), EMPTY, role=None).apply


def test_a_deprecated_table_takes_no_more_fields_until_it_is_restored() -> None:
    facts = replace(FILLED, is_active=False)
    decision = ask(more(NOTE), facts)
    assert (rules(decision), decision.apply) == (["table.deprecated"], False)
    restored = ask({"action": "restore"}, facts)
    assert restored.apply
    assert restored.plan is not None
    assert (restored.plan.operation, restored.plan_sql) == (Operation.RESTORE, "")


def test_deprecating_runs_no_sql() -> None:
    decision = ask({"action": "deprecate"}, FILLED)
    assert decision.apply
    assert decision.plan is not None
    assert (decision.plan.operation, decision.plan_sql, decision.plan.added) == (Operation.DEPRECATE, "", ())


def test_dropping_always_waits_for_review() -> None:
    decision = ask({"action": "drop"}, EMPTY)
    assert (rules(decision), decision.apply) == (["table.drop"], False)
    assert decision.plan is not None
    assert decision.plan.statements == (DropTable(TableName("public", "notes")),)
    assert decision.plan_sql == 'DROP TABLE "public"."notes" RESTRICT;'


def test_dropping_what_was_dropped_by_hand_runs_no_sql() -> None:
    decision = ask({"action": "drop"}, replace(EMPTY, relation=None))
    assert rules(decision) == ["table.missing", "table.drop"]
    assert decision.plan_sql == ""


@pytest.mark.parametrize("action", ["deprecate", "restore", "drop"])
@pytest.mark.parametrize("facts", [NOTHING, TableFacts(relation="r")], ids=["nothing", "foreign"])
def test_only_tables_of_schemad_s_making_can_be_acted_on(action: str, facts: TableFacts) -> None:
    decision = ask({"action": action}, facts)
    assert (rules(decision), decision.apply) == (["table.unknown"], False)


@pytest.mark.parametrize("kind", RELATION_KINDS)
def test_a_name_that_something_else_has_is_refused(kind: str) -> None:
    decision = ask(BASE, TableFacts(relation=kind))
    assert (rules(decision), decision.apply) == (["table.taken"], False)
    assert RELATION_KINDS[kind] in decision.findings[0].message


def test_a_name_that_a_type_has_is_refused() -> None:
    assert rules(ask(BASE, TableFacts(has_type=True))) == ["table.taken"]


def test_a_registered_name_that_a_view_now_has_is_refused() -> None:
    decision = ask(BASE, replace(EMPTY, relation="v"))
    assert (rules(decision), decision.apply) == (["table.taken"], False)


def test_the_facts_are_read_as_the_database_writes_them() -> None:
    row = json.loads(
        json.dumps(
            {
                "relation": "r",
                "is_empty": False,
                "version": 1,
                "is_active": True,
                "owner_role": "app",
                "columns": [asdict(c) for c in FILLED.columns],
                "fields": [asdict(f) for f in FILLED.fields],
                "primary_key": list(FILLED.primary_key),
                "derived": sorted(FILLED.derived),
                "keys": ["id"],
                "quotas_reached": [{"setting": "tables_in_all", "allowed": 3, "tables": 4}],
                "references": {"books": {"is_managed": True, "owner_role": "app", "bytes": 8192, "keys": ["id"]}},
            }
        )
    )
    books = ReferenceFacts(is_managed=True, owner_role="app", bytes=8192, keys=frozenset({"id"}))
    assert TableFacts.from_row(row) == replace(
        FILLED, keys=frozenset({"id"}), quotas_reached=(QUOTA,), references={"books": books}
    )
    assert TableFacts.from_row({}) == NOTHING
    assert TableFacts.from_row({"type": True}).has_type


def test_the_facts_are_read_with_everything_that_they_may_say() -> None:
    row = {
        "relation": "v",
        "type": "e",
        "is_locked": True,
        "is_empty": False,
        "schema_id": 7,
        "version": 3,
        "is_active": False,
        "owner_role": "app",
        "columns": [{"name": "a", "type": "text", "nullable": False, "numbers_itself": True}],
        "fields": [{"name": "a", "type": "text", "nullable": False, "default": "'x'"}],
        "primary_key": ["a", "b"],
        "foreign_keys": {"t_a_fkey": {"of": "a", "table": "books", "field": "id", "on_delete": "set null"}},
        "derived": ["t_pkey"],
        "taken": ["t_a_key"],
        "is_crowded": True,
        "keys": ["a"],
        "awaits_reference": True,
        "quotas_reached": [{"setting": "tables_in_all", "allowed": 3, "tables": 4}],
        "references": {"books": None},
    }
    assert TableFacts.from_row(row) == TableFacts(
        relation="v",
        has_type=True,
        is_locked=True,
        is_empty=False,
        schema_id=7,
        version=3,
        is_active=False,
        owner_role="app",
        columns=(Column("a", "text", nullable=False, numbers_itself=True),),
        fields=(RegisteredField("a", "text", nullable=False, default="'x'"),),
        primary_key=("a", "b"),
        foreign_keys={"t_a_fkey": ForeignKeyFacts("a", Reference("books", "id", OnDelete.SET_NULL))},
        derived=frozenset({"t_pkey"}),
        taken=frozenset({"t_a_key"}),
        is_crowded=True,
        keys=frozenset({"a"}),
        awaits_reference=True,
        quotas_reached=(QUOTA,),
        references={"books": None},
    )


def test_a_name_that_is_taken_is_passed_over_and_in_a_crowd_the_first_one_too() -> None:
    names = ("t_a_key", "t_a_1_key", "t_a_2_key")
    assert TableFacts().free_name(names) == "t_a_key"
    assert TableFacts(taken=frozenset(names[:1])).free_name(names) == "t_a_1_key"
    assert TableFacts(taken=frozenset(names)).free_name(names) == "t_a_2_key"
    assert TableFacts(is_crowded=True).free_name(names) == "t_a_1_key"


def test_a_change_with_all_that_a_request_may_ask_for_is_written_in_one_order() -> None:
    payload = {
        "fields": [
            *BASE["fields"],
            {"name": "k", "type": "uuid", "default": "gen_random_uuid()", "description": "the key"},
            {"name": "b", "type": "bigint", "unique": True, "references": {"table": "books"}},
            {"name": "c", "type": "text", "nullable": False},
        ],
        "unique": [["title", "b"]],
        "checks": ["b > 0"],
        "indexes": [{"fields": ["title"], "method": "hash"}],
    }
    decision = ask(payload, replace(FILLED, taken=frozenset({"notes_b_key"})))
    assert (
        decision.plan_sql
        == """\
ALTER TABLE "public"."notes" ADD COLUMN "k" uuid;
ALTER TABLE "public"."notes" ALTER COLUMN "k" SET DEFAULT gen_random_uuid();
ALTER TABLE "public"."notes" ADD COLUMN "b" bigint;
ALTER TABLE "public"."notes" ADD COLUMN "c" text NOT NULL;
ALTER TABLE "public"."notes" ADD CONSTRAINT "notes_b_c89ee0c2_key" UNIQUE ("b");
ALTER TABLE "public"."notes" ADD CONSTRAINT "notes_title_b_351de14e_key" UNIQUE ("title", "b");
ALTER TABLE "public"."notes" ADD CONSTRAINT "notes_8d53f886_check" CHECK (b > 0);
ALTER TABLE "public"."notes" ADD CONSTRAINT "notes_b_fkey" \
FOREIGN KEY ("b") REFERENCES "public"."books" ("id") ON DELETE NO ACTION;
CREATE INDEX "notes_title_hash_4f973f5f_idx" ON "public"."notes" USING hash ("title");
COMMENT ON COLUMN "public"."notes"."k" IS 'the key';"""
    )


def test_what_is_planned_for_an_empty_table_is_guarded_against_rows() -> None:
    empty, filled = ask(more(NOTE), EMPTY), ask(more(NOTE), FILLED)
    assert empty.plan is not None
    assert filled.plan is not None
    assert empty.plan.guards == (RequireEmpty(TableName("public", "notes")),)
    assert filled.plan.guards == ()


@pytest.mark.parametrize("name", ["_notes", "notes"])
def test_only_a_table_that_is_called_like_an_array_type_is_guarded_against_types(name: str) -> None:
    plan = decide(name, json.dumps(BASE), POLICY, NOTHING).plan
    assert plan is not None
    assert plan.guards == ((RequireNoType(TableName("public", name)),) if name[0] == "_" else ())


def test_a_check_over_a_date_that_only_the_table_has_waits_with_a_moment() -> None:
    assert rules(ask({"fields": [NOTE], "checks": ["at <> 'today'"]}, EMPTY)) == ["expression.frozen"]


@pytest.mark.parametrize(
    ("type_text", "default", "later"),
    [
        ("text", "x", False),
        ("timestamptz", "now()", False),
        ("timestamptz", "clock_timestamp()", True),
        ("integer", {"expression": "1 + 1"}, False),
        ("text", {"expression": "lower('X')"}, False),
        ("timestamptz", {"expression": "now() + '1 day'"}, False),
        ("double precision", {"expression": "random()"}, True),
        ("text", {"expression": "lower(gen_random_uuid()::text)"}, True),
        ("text", {"expression": "unknown('x')"}, True),
    ],
)
def test_what_may_differ_from_row_to_row_is_for_rows_to_come(type_text: str, default: Any, later: bool) -> None:
    decision = ask(more({"name": "n", "type": type_text, "default": default}), FILLED)
    assert kinds(decision) == ([AddColumn, SetDefault] if later else [AddColumn])


def test_a_check_that_the_table_has_already_is_not_judged_again() -> None:
    payload = BASE | {"checks": ["evil(title)"]}
    assert ask(payload, existing(payload, empty=False)).findings == ()


@pytest.mark.parametrize(
    ("payload", "facts", "operation", "primary_key"),
    [
        (BASE, NOTHING, Operation.CREATE_TABLE, ("id",)),
        (more(NOTE), FILLED, Operation.ADD_FIELDS, None),
        (BASE, FILLED, Operation.NO_CHANGE, None),
        ({"action": "drop"}, FILLED, Operation.DROP_TABLE, None),
    ],
)
def test_a_plan_says_what_it_does_and_the_key_of_what_it_creates(
    payload: dict[str, Any], facts: TableFacts, operation: Operation, primary_key: tuple[str, ...] | None
) -> None:
    plan = ask(payload, facts).plan
    assert plan is not None
    assert (plan.operation, plan.primary_key) == (operation, primary_key)


@pytest.mark.parametrize(
    ("default", "tried"),
    [
        ("x", False),
        ({"expression": "lower('X')"}, True),
        ({"expression": "setval('s', 1)::text"}, False),
        (None, False),
    ],
)
def test_a_default_is_tried_where_only_the_server_can_judge_it_and_nothing_else_comes_of_it(
    default: Any, tried: bool
) -> None:
    plan = ask({"fields": [{"name": "n", "type": "text", "default": default}]}, NOTHING).plan
    assert plan is not None
    assert [trial.field.name for trial in plan.trials] == ["n"] * tried
