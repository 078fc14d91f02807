"""Expressions: what passes is one expression of PostgreSQL's grammar, and text of it is never passed on."""

import json

import postgast
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemad.ddl import Verdict, decide
from schemad.request.expressions import MAX_EXPRESSION_BYTES, Expression, read_expression
from schemad.request.finding import Finding
from tests.unit.strategies import NOTHING, POLICY

# Each of these passed the keyword filters of earlier implementations, and ran.
BYPASSES = {
    "0, is_admin boolean DEFAULT true": "expression.unreadable",
    "0 REFERENCES messages": "expression.unreadable",
    "0 CHECK (pg_sleep(0.3) IS NOT NULL)": "expression.unreadable",
    "length(pg_sleep(0.3)::text)": "expression.function_not_allowed",
    "length(pg_read_file($$/etc/passwd$$))": "expression.function_not_allowed",
    "setval($$messages_id_seq$$,1,false)": "expression.function_not_allowed",
    "length(query_to_xml($$table messages$$,true,true,$$$$)::text)": "expression.function_not_allowed",
    'length(U&"pg\\005fsleep"(0.3)::text)': "expression.function_not_allowed",
    "pg_terminate_backend(1)": "expression.function_not_allowed",
    "length(repeat($$x$$,200000000))": "expression.function_not_allowed",
}
# And these are harmless: words that such filters refuse.
HARMLESS = [
    "O'Brien",
    "last_updated",
    "'deleted'",
    "dropdown",
    "'execution pending'",
    "insertion-order",
    "updates@example.com",
]


def payload(type_text: str, default: object) -> str:
    return json.dumps({"fields": [{"name": "f", "type": type_text, "default": default}]})


@pytest.mark.parametrize("expression", BYPASSES)
def test_what_bypassed_keyword_filters_waits_for_a_person_or_is_refused(expression: str) -> None:
    decision = decide("t", payload("integer", {"expression": expression}), POLICY, NOTHING)
    assert [f.rule.id for f in decision.findings] == [BYPASSES[expression]]
    assert decision.verdict is Verdict.REVIEW
    assert not decision.apply


@pytest.mark.parametrize("expression", BYPASSES)
def test_what_bypassed_keyword_filters_is_no_number(expression: str) -> None:
    decision = decide("t", payload("integer", expression), POLICY, NOTHING)
    assert [f.rule.id for f in decision.findings] == ["default.does_not_fit"]
    assert not decision.apply


@pytest.mark.parametrize("expression", BYPASSES)
def test_what_bypassed_keyword_filters_is_a_mere_string_on_text(expression: str) -> None:
    assert _default_of("text", expression) == expression


@pytest.mark.parametrize("text", HARMLESS)
def test_harmless_text_is_a_default_that_needs_no_review(text: str) -> None:
    assert _default_of("text", text) == text


def _default_of(type_text: str, default: object) -> str:
    """The string constant that a default became, as PostgreSQL's parser reads it in the planned SQL."""
    decision = decide("t", payload(type_text, default), POLICY, NOTHING)
    assert (decision.verdict, decision.findings) == (Verdict.AUTO, ())
    assert decision.plan_sql is not None
    (statement,) = postgast.parse(decision.plan_sql).stmts
    column = statement.stmt.create_stmt.table_elts[1].column_def
    (constraint,) = column.constraints
    text: str = constraint.constraint.raw_expr.a_const.sval.sval
    return text


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("now() AT TIME ZONE 'utc'", "now() AT TIME ZONE 'utc'"),
        ("1+1", "1 + 1"),
        ("price>0 AND\n price < 10 -- cheap", "price > 0 AND price < 10"),
        ("lower(Name)", "lower(name)"),
        ("1) + (2", "1 + 2"),
        ("/* ; */ 1", "1"),
        ("$$it's$$", "'it''s'"),
        ("ARRAY[]::text[]", "ARRAY[]::text[]"),
    ],
)
def test_an_expression_is_written_from_what_was_understood(text: str, canonical: str) -> None:
    found = read_expression(text, field="f")
    assert isinstance(found, Expression)
    assert found.sql == canonical


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "--",
        "1;2",
        "1; DROP TABLE x",
        "1,2",
        "(1,2)",
        "1 AS x",
        "1) AS x, (2",
        "1 FROM x",
        "1) FROM x WHERE (true",
        "1) UNION SELECT (2",
        "1) LIMIT (1",
        "1) INTO x FROM (SELECT 1",
        "1); DROP TABLE x; SELECT (1",
        "DISTINCT 1",
        "*",
        "NOT " * 240 + "true",
        "1" + "+1" * 400,
        "-" * 999 + "1",
        "f(" * 300 + "1" + ")" * 300,
        "(" * 999,
        "/*" * 400,
        "$$",
        "'",
        '"',
        "E'\\xff'",
        "U&'\\d800'",
        "1)\0, pg_sleep(10",
        "\0",
        "1\x0b",
        "\u202e1",
        "\ud800",
        "a\u200bb",
        "a = 'x\u3164'",
        "a = 'x\u034fy'",
        "a = U&'x\\200by'",
        "a = E'x\\u202ey'",
        "a = E'x\\u3164y'",
        "\ufeff1",
    ],
)
def test_what_is_not_one_expression_is_refused(text: str) -> None:
    found = read_expression(text, field="f")
    assert isinstance(found, Finding)
    assert found.rule.id == "expression.unreadable"
    assert "\0" not in found.message


@pytest.mark.parametrize(
    "text", ["(SELECT 1)", "EXISTS (SELECT 1)", "ARRAY(SELECT 1)", "a IN (VALUES (1))", "$1", "x.*", "DEFAULT"]
)
def test_a_query_or_parameter_in_an_expression_is_refused(text: str) -> None:
    found = read_expression(text, field="f")
    assert isinstance(found, Finding)
    assert found.rule.id == "expression.query"


@pytest.mark.parametrize("text", ["1" * 1001, "'" + "é" * 500 + "'", "x" * 20_000_000, "\ud800" * 334])
def test_an_expression_has_at_most_a_thousand_bytes(text: str) -> None:
    found = read_expression(text, field="f")
    assert isinstance(found, Finding)
    assert found.rule.id == "expression.too_long"


def test_an_expression_knows_its_columns() -> None:
    found = read_expression("lower(a) = t.b AND c[1] > 0", field=None)
    assert isinstance(found, Expression)
    assert found.columns == {"a", "t.b", "c"}


def test_an_expression_knows_what_it_uses() -> None:
    found = read_expression("lower(pg_catalog.btrim(a)) OPERATOR(pg_catalog.~) U&'\\0061'::x.mood[]", field=None)
    assert isinstance(found, Expression)
    assert found.functions == {("lower", 1), ("btrim", 1)}
    assert found.operators == {"~"}
    assert found.types == {"x.mood"}
    assert found.texts == {"a"}
    assert found.constructs == {"A_Const", "A_Expr", "ColumnRef", "FuncCall", "TypeCast"}
    assert found.nesting == 2


def test_two_spellings_of_a_check_are_one_and_two_checks_differ() -> None:
    one, same, other = (read_expression(t, field=None) for t in ("a>0", " ( a > 0 ) ", "a > 1"))
    assert isinstance(one, Expression)
    assert isinstance(same, Expression)
    assert isinstance(other, Expression)
    assert one.digest == same.digest != other.digest


# Pieces of SQL, put together at random, come nearer to trouble than random letters do.
_PIECES = (
    "1 a ( ) ) , ; ' \" $$ -- /* */ :: . * [ ] + - NOT AND IS NULL SELECT FROM WHERE AS CASE WHEN THEN END "
    "ARRAY ROW f( 'x' now() OVER LIMIT IN BETWEEN LIKE U& E' \\ $1 INTERVAL COLLATE OPERATOR(pg_catalog.+) CAST("
    " CHECK DEFAULT"
).split()
_sql_soup = st.lists(st.sampled_from(_PIECES), max_size=20).map(" ".join)


@given(_sql_soup | st.text())
def test_any_text_is_one_expression_or_refused(text: str) -> None:
    found = read_expression(text, field="f")
    if isinstance(found, Finding):
        assert found.rule.id.startswith("expression.")
        return
    assert len(text.encode()) <= MAX_EXPRESSION_BYTES
    # Read again, it is itself; and where it is written, it is one default of one column.
    assert read_expression(found.sql, field="f") == found
    (statement,) = postgast.parse(f"CREATE TABLE t (f text DEFAULT ({found.sql}))").stmts
    (element,) = statement.stmt.create_stmt.table_elts
    assert len(element.column_def.constraints) == 1


def test_what_is_nested_too_deeply_is_told_so() -> None:
    found = read_expression("NOT " * 240 + "true", field="a")
    assert isinstance(found, Finding)
    assert (found.rule.id, found.message) == ("expression.unreadable", "the expression is nested too deeply")


@pytest.mark.parametrize(
    "left",
    [
        "a",
        "a::varchar",
        "lower(a)",
        "a || 'x'",
        "(-length(a))::text",
        "coalesce(a, 'x')",
        "greatest('x', a)",
        "least(a, 'x')",
        "ARRAY['x', a]::text",
        "substr(a, 1, 2)",
        "substr(a, 1::integer, 2)",
        "a || 'x'::text",
    ],
)
def test_what_depends_on_a_field_is_evaluated_for_its_rows_only(left: str) -> None:
    found = read_expression(f"upper({left}) ~ 'x'", field=None)
    assert isinstance(found, Expression)
    assert not found.folded_operators - {"||", "-"}
    assert ("upper", 1) not in found.folded_functions


@pytest.mark.parametrize(
    "left",
    [
        "'x'",
        "lower('x')",
        "(-1)::text",
        "coalesce('x', a)",
        "a || NULL",
        "NULL || a",
        "a || NULL::text",
        "substr(a, NULL)",
        "substr(a, NULL::integer)",
        "a || lower(NULL)",
        "a || now()::text",
        "greatest('x', 'y')",
        "ARRAY['x']::text",
        "CASE WHEN true THEN 'x' ELSE a END",
        "(a IN ('x'))::text",
        "(a IS NULL)::text",
        "now()::text",
    ],
)
def test_what_postgresql_may_evaluate_before_there_is_a_row_is_known(left: str) -> None:
    found = read_expression(f"upper({left}) ~ 'x'", field=None)
    assert isinstance(found, Expression)
    assert "~" in found.folded_operators
    assert ("upper", 1) in found.folded_functions


@pytest.mark.parametrize(
    ("text", "constructs"),
    [
        ("count(*)", {"FuncCall", "FuncCall.agg_star"}),
        ("count(DISTINCT a)", {"FuncCall", "FuncCall.agg_distinct", "ColumnRef"}),
        ("rank() OVER ()", {"FuncCall", "FuncCall.over", "WindowDef"}),
        ("CURRENT_DATE", {"SQLValueFunction.SVFOP_CURRENT_DATE"}),
        ("CURRENT_USER", {"SQLValueFunction.SVFOP_CURRENT_USER"}),
        ("a::char(255)", {"TypeCast", "ColumnRef", "A_Const"}),
        ("a::char(256)", {"TypeCast", "ColumnRef", "A_Const", "TypeName.padded"}),
        ("a::varchar(256)", {"TypeCast", "ColumnRef", "A_Const"}),
        ("a::SETOF text", {"TypeCast", "ColumnRef", "TypeName.setof"}),
        ("a IS NULL", {"NullTest", "ColumnRef"}),
        ('a COLLATE "C"', {"CollateClause", "ColumnRef"}),
    ],
)
def test_an_expression_knows_the_grammar_that_it_uses(text: str, constructs: set[str]) -> None:
    found = read_expression(text, field=None)
    assert isinstance(found, Expression)
    assert found.constructs == constructs


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("p\u0440(a)", {"p\u0440"}),
        ("p\u0440.f(a)", {"p\u0440"}),
        ("a::p\u0440", {"p\u0440"}),
        ("p\u0440 = a", {"p\u0440"}),
        ("a = 'p\u0440'", set()),
        ('a COLLATE "p\u0440" = b', {"p\u0440"}),
        ("lower(a) = b", set()),
    ],
)
def test_an_expression_knows_its_names_that_are_not_ascii(text: str, names: set[str]) -> None:
    found = read_expression(text, field=None)
    assert isinstance(found, Expression)
    assert found.foreign_names == names


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("1e10", 10),
        ("1e-10", 10),
        ("1e10 * 1E+5", 15),
        ("'1e10'::numeric", 10),
        ("'[1e3, 2e4]'::jsonb", 7),
        ("1.5", 0),
        ("'abc1e9'", 0),
    ],
)
def test_an_expression_knows_how_many_digits_its_exponents_stand_for(text: str, digits: int) -> None:
    found = read_expression(text, field=None)
    assert isinstance(found, Expression)
    assert found.exponents == digits


@pytest.mark.parametrize(
    ("text", "depth"),
    [
        ("1", 0),
        ("lower('a')", 1),
        ("lower('a')::text", 2),
        ("lower(upper('a')) || lower('b')", 2),
        ("1 + 2 * 3", 0),
    ],
)
def test_an_expression_knows_how_deep_its_casts_and_calls_are(text: str, depth: int) -> None:
    found = read_expression(text, field=None)
    assert isinstance(found, Expression)
    assert found.nesting == depth


def test_an_expression_may_have_a_thousand_bytes_of_any_characters() -> None:
    assert isinstance(read_expression("'" + "x" * 998 + "'", field=None), Expression)
    assert isinstance(read_expression("'" + "\u00e9" * 499 + "'", field=None), Expression)
    found = read_expression("'" + "\u00e9" * 499 + "x'", field=None)
    assert isinstance(found, Finding)
    assert found.message == "the expression has 1001 bytes"


def test_white_space_within_an_expression_is_line_breaks_and_tabs_too() -> None:
    found = read_expression("1\n\t+ 1", field=None)
    assert isinstance(found, Expression)
    assert found.sql == "1 + 1"
