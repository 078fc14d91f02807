"""Rendering: PostgreSQL's own parser reads in the SQL exactly what was planned, and nothing else."""

import re
from typing import Any

import postgast
import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from schemad.ddl import render, statements
from schemad.ddl.render import identifier, literal, script
from schemad.ddl.statements import Grant, Statement, TableName
from schemad.policy.difference import all_uniques
from schemad.request.finding import Severity
from schemad.request.table import TableRequest
from tests.unit.strategies import POLICY, Asked, sound_requests, sql_text

_NODE_OF: dict[type[Statement], str] = {
    statements.CreateTable: "create_stmt",
    statements.AddColumn: "alter_table_stmt",
    statements.SetDefault: "alter_table_stmt",
    statements.AddConstraint: "alter_table_stmt",
    statements.CreateIndex: "index_stmt",
    statements.Comment: "comment_stmt",
    statements.Grant: "grant_stmt",
    statements.DropTable: "drop_stmt",
    statements.Trial: "do_stmt",
    statements.RequireEmpty: "do_stmt",
    statements.RequireNoType: "do_stmt",
}

# An identifier that the parser cuts at 63 bytes is none of schemad's: names are judged before they are rendered.
_identifiers = sql_text.filter(lambda t: 0 < len(t.encode()) <= 63)


@given(_identifiers)
@example('"')
@example('"; DROP TABLE x; --')
@example("\\")
@example('U&"x')
def test_any_name_is_read_back_as_it_is(name: str) -> None:
    (statement,) = postgast.parse(f"SELECT 1 AS {identifier(name)}").stmts
    (target,) = statement.stmt.select_stmt.target_list
    assert target.res_target.name == name


@given(_identifiers)
def test_any_name_is_one_token(name: str) -> None:
    (token,) = postgast.scan(identifier(name)).tokens
    assert (token.start, token.end) == (0, len(identifier(name).encode()))


@given(sql_text)
@example("'")
@example("\\'")
@example("\\")
@example("'; DROP TABLE x; --")
@example("''\\''\\\\")
@example("\r\n\t\x01")
def test_any_text_is_read_back_as_it_is(text: str) -> None:
    (statement,) = postgast.parse(f"SELECT {literal(text)}").stmts
    (target,) = statement.stmt.select_stmt.target_list
    assert target.res_target.val.a_const.sval.sval == text


@given(sql_text)
def test_any_text_is_one_token(text: str) -> None:
    (token,) = postgast.scan(literal(text)).tokens
    assert (token.start, token.end) == (0, len(literal(text).encode()))


@given(sql_text)
def test_a_literal_without_backslash_escapes_is_the_same_under_either_setting_of_the_server(text: str) -> None:
    # standard_conforming_strings = off gives a meaning to backslashes in plain quotes: there are none.
    written = literal(text)
    assert written.startswith("E'") or "\\" not in written


@pytest.mark.parametrize("write", [identifier, literal])
def test_nul_is_never_written(write: Any) -> None:
    with pytest.raises(ValueError, match="NUL"):
        write("a\0b")


def test_a_privilege_that_is_none_is_never_written() -> None:
    grant = Grant(TableName("public", "t"), ("SELECT", "ALL; DROP TABLE x"), "r")
    with pytest.raises(ValueError, match="not a privilege"):
        script([grant])


def test_every_kind_of_statement_has_a_rendering() -> None:
    kinds = {kind for kind in vars(statements).values() if isinstance(kind, type) and kind in _NODE_OF}
    assert kinds == set(Statement.__args__)
    assert kinds <= set(render.render.registry)


role_names = st.sampled_from(["app", 'App "one"', "app; --", "select"])


# No need to be quick about finding the largest request: any is a good one.
@settings(
    max_examples=2 * settings().max_examples,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(sound_requests(), role_names)
def test_the_sql_of_a_request_is_its_planned_statements_and_nothing_else(asked: Asked, role: str) -> None:
    decision = asked.decided(requested_by=role)
    assert all(f.severity is not Severity.REFUSE for f in decision.findings), decision.findings
    assert decision.plan is not None
    assert decision.plan_sql is not None
    assert decision.request is not None
    parsed = [raw.stmt for raw in postgast.parse(decision.plan_sql).stmts]
    assert [node.WhichOneof("node") for node in parsed] == [_NODE_OF[type(s)] for s in decision.plan.statements]

    # Every identifier, wherever the parser found it, is one that was asked for, or is derived from such.
    names = set(_identifiers_of(parsed)) - {POLICY.table_schema, role}
    derived = {name for name in names if name not in asked.names | {"id"}}
    assert all(re.fullmatch(r"[a-z0-9_]{1,63}_(pkey|key|idx|fkey|check)", name) for name in derived)
    assert all(name.startswith(asked.table.lower()[:40]) for name in derived)
    _assert_the_table_is_as_asked(parsed, decision.request)


def _assert_the_table_is_as_asked(parsed: list[Any], request: TableRequest) -> None:
    create = parsed[0].create_stmt
    assert (create.relation.schemaname, create.relation.relname) == (POLICY.table_schema, request.name)
    columns = [e.column_def for e in create.table_elts if e.WhichOneof("node") == "column_def"]
    constraints = [e.constraint for e in create.table_elts if e.WhichOneof("node") == "constraint"]
    assert len(columns) + len(constraints) == len(create.table_elts)
    assert [c.colname for c in columns] == [f.name for f in request.fields]
    for column, field in zip(columns, request.fields, strict=True):
        kinds = [postgast.pg_query_pb2.ConstrType.Name(c.constraint.contype) for c in column.constraints]
        expected = ["CONSTR_NOTNULL"] * (not field.nullable)
        expected += ["CONSTR_IDENTITY"] * field.type.is_serial + ["CONSTR_DEFAULT"] * bool(field.default)
        assert kinds == expected
        assert len(column.type_name.array_bounds) == field.type.is_array
    keys = [tuple(k.string.sval for k in c.keys) for c in constraints if c.keys]
    assert keys == [request.primary_key] * bool(request.primary_key) + list(all_uniques(request))
    indexes = [node.index_stmt for node in parsed if node.WhichOneof("node") == "index_stmt"]
    found = [
        (tuple(p.index_elem.name for p in i.index_params), i.unique, i.access_method or "btree") for i in indexes
    ]
    assert found == [(i.fields, i.unique, i.method.value) for i in request.indexes]
    assert all(i.relation.relname == request.name for i in indexes)


# Where the parser keeps identifiers of tables, columns, constraints and roles.
_PLACES = ("schemaname", "relname", "colname", "conname", "idxname", "rolename", "catalogname")


def _identifiers_of(nodes: list[Any]) -> list[str]:
    found: list[str] = []
    waiting: list[Message] = list(nodes)
    while waiting:
        node: Any = waiting.pop()
        kind = node.DESCRIPTOR.name
        found += [getattr(node, place) for place in _PLACES if getattr(node, place, "")]
        if kind == "IndexElem":
            found.append(node.name)
        if kind == "Constraint":
            found += [item.string.sval for item in (*node.keys, *node.fk_attrs, *node.pk_attrs)]
        if kind == "CommentStmt":
            names = node.object.list.items if node.object.HasField("list") else ()
            found += [item.string.sval for item in names]
        for descriptor, value in node.ListFields():
            if descriptor.message_type is not None:
                waiting += [value] if isinstance(value, Message) else list(value)
    return found
