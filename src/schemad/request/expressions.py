"""Expressions: read by PostgreSQL's own grammar, and written anew from what was understood.

An expression is never passed on as text. It is parsed as the one target of a SELECT, deparsed, parsed again
and compared; only the deparsed text is used, in parentheses. Approval by a person lifts the policy, never this.
"""

import hashlib
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

from schemad.request.columns import with_columns
from schemad.request.finding import Finding, Rule, Severity
from schemad.request.numbers import exponents, makes_number_of_text
from schemad.request.text import misleading_character

EXPRESSION_UNREADABLE = Rule(
    "expression.unreadable",
    Severity.REFUSE,
    "Whether an expression is one expression of PostgreSQL's grammar and nothing else.",
    "One expression, such as now() + interval '1 day', without semicolons or aliases.",
)
EXPRESSION_TOO_LONG = Rule(
    "expression.too_long",
    Severity.REFUSE,
    "The length of an expression.",
    "At most 1,000 bytes.",
)
EXPRESSION_QUERY = Rule(
    "expression.query",
    Severity.REFUSE,
    "Queries and parameters within an expression: PostgreSQL takes none in a default or a check.",
    "An expression over literals, functions and, in a check, the row's own fields.",
)

# Deeply nested operators crash the parser's process, and 100,000 of them fit in no fewer bytes than this.
MAX_EXPRESSION_BYTES = 1_000
MAX_PADDING = 255

# Parts of queries, by the grammar's names for them, and in words.
_QUERY_PARTS = {
    "A_Star": "a *",
    "CurrentOfExpr": "CURRENT OF",
    "ParamRef": "a parameter",
    "SelectStmt": "a query",
    "SetToDefault": "DEFAULT",
    "SubLink": "a subquery",
}
# What a plain call has; anything else is a clause of an aggregate or a window.
_PLAIN_CALL = frozenset({"funcname", "args", "funcformat", "location"})
# Nodes that only carry others, or whose use is told by a name of its own.
_PLUMBING = frozenset({"Node", "String", "Integer", "Float", "Boolean", "List", "TypeName", "SQLValueFunction"})


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression as the grammar understood it, and everything that it uses: what a policy can judge.

    Attributes:
        sql: The canonical text.
        columns: Columns that it names; with dots where they are qualified.
        constructs: Kinds of nodes of the grammar, such as CaseExpr; clauses of calls as FuncCall.over.
        functions: Functions that it calls, by name and number of arguments; pg_catalog left out.
        operators: Operators, pg_catalog left out.
        types: Types that it casts to; pg_catalog left out.
        texts: String constants.
        nesting: How deep casts and calls are within one another.
        folded_functions: Those of `functions` that are called somewhere with nothing that stays a column: with
            what PostgreSQL may evaluate before there is a row.
        folded_operators: Those of `operators` that are used so somewhere.
        exponents: How many digits the exponents of its numbers stand for, together.
        foreign_names: Names within it that have other characters than ASCII ones.
        makes_numbers: Whether it reads a number, before there is a row, from text that it puts together.
    """

    sql: str
    columns: frozenset[str] = frozenset()
    constructs: frozenset[str] = frozenset()
    functions: frozenset[tuple[str, int]] = frozenset()
    operators: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    texts: frozenset[str] = frozenset()
    nesting: int = 0
    folded_functions: frozenset[tuple[str, int]] = frozenset()
    folded_operators: frozenset[str] = frozenset()
    exponents: int = 0
    makes_numbers: bool = False
    foreign_names: frozenset[str] = frozenset()

    @property
    def digest(self) -> str:
        """Eight characters that tell it from other expressions; names of checks are made of it."""
        return hashlib.sha256(self.sql.encode()).hexdigest()[:8]


def read_expression(given: str, *, field: str | None) -> Expression | Finding:
    """Reads an expression from a request, or says why it can't be one.

    Args:
        given: The expression as the request has it.
        field: The field to name in a finding; None for a check of the table.
    """
    size = len(given.encode(errors="surrogatepass"))
    if size > MAX_EXPRESSION_BYTES:
        return EXPRESSION_TOO_LONG.finding(f"the expression has {size} bytes", field=field)
    reading = _remembered(given)
    return replace(reading, field=field) if isinstance(reading, Finding) else reading


def _read(given: str) -> Expression | Finding:
    """The expression that a text is, if it is one, or a finding about no field yet."""
    # The parser silently stops at NUL, so that `1)\0, pg_sleep(10` would be read as `1`.
    if not _is_plain(given):
        return EXPRESSION_UNREADABLE.finding("the expression has control, format or invisible characters")
    from schemad.request import grammar  # noqa: PLC0415 - it loads a parser, which only expressions need

    try:
        parsed = grammar.parse(given)
    except grammar.NotAnExpressionError as error:
        return EXPRESSION_UNREADABLE.finding(str(error))
    if not _is_plain(parsed.sql):  # U&'\\202e' was plain as it was given
        return EXPRESSION_UNREADABLE.finding("a constant has control, format or invisible characters")

    nodes = grammar.nodes(parsed.tree)
    kinds = {node.DESCRIPTOR.name for node in nodes}
    if found := sorted(kinds & _QUERY_PARTS.keys()):
        return EXPRESSION_QUERY.finding(f"the expression has {_QUERY_PARTS[found[0]]}")
    return _described(parsed.sql, nodes, grammar.nesting(parsed.tree))


# Applications ask for the same expressions again and again; reading one takes a third of a millisecond.
_remembered = lru_cache(maxsize=1_024)(_read)


def _is_plain(text: str) -> bool:
    return all(c.isprintable() or c in "\n\t" for c in text) and misleading_character(text) is None


def _described(canonical: str, nodes: list[Any], nesting: int) -> Expression:
    """The expression with everything that its nodes use."""
    by_kind: dict[str, list[Any]] = {}
    for node in nodes:
        by_kind.setdefault(node.DESCRIPTOR.name, []).append(node)
    calls = by_kind.get("FuncCall", [])
    clauses = {
        f"FuncCall.{part.name}" for call in calls for part, _ in call.ListFields() if part.name not in _PLAIN_CALL
    }
    values = {
        f"SQLValueFunction.{node.DESCRIPTOR.fields_by_name['op'].enum_type.values_by_number[node.op].name}"
        for node in by_kind.get("SQLValueFunction", [])
    }
    types = by_kind.get("TypeName", [])
    uses = by_kind.get("A_Expr", [])
    varying = with_columns(nodes)
    constants = by_kind.get("A_Const", [])
    texts = frozenset(node.sval.sval for node in constants if node.WhichOneof("val") == "sval")
    return Expression(
        sql=canonical,
        columns=frozenset(".".join(_words(node.fields)) for node in by_kind.get("ColumnRef", [])),
        constructs=frozenset((by_kind.keys() - _PLUMBING) | clauses | values)
        | ({"TypeName.setof"} if any(t.setof or t.pct_type for t in types) else set())
        | ({"TypeName.padded"} if any(_pads(t) for t in types) else set()),
        functions=frozenset((_own_name(call.funcname), len(call.args)) for call in calls),
        operators=frozenset(_own_name(node.name) for node in uses),
        types=frozenset(_own_name(node.names) for node in types),
        texts=texts,
        nesting=nesting,
        folded_functions=frozenset(
            (_own_name(call.funcname), len(call.args))
            for call in calls
            if not any(id(argument) in varying for argument in call.args)
        ),
        folded_operators=frozenset(
            _own_name(node.name) for node in uses if varying.isdisjoint({id(node.lexpr), id(node.rexpr)})
        ),
        foreign_names=frozenset(name for node in nodes for name in _names_in(node) if not name.isascii()),
        exponents=sum(exponents(c.sval.sval or c.fval.fval) for c in constants),
        makes_numbers=any(
            makes_number_of_text(cast) for cast in by_kind.get("TypeCast", []) if id(cast.arg) not in varying
        ),
    )


def _names_in(node: Any) -> list[str]:
    """The names that a node has itself: of functions, types, columns, collations; not its constants."""
    if node.DESCRIPTOR.name == "Node":
        return [node.string.sval] if node.WhichOneof("node") == "string" else []
    if node.DESCRIPTOR.name == "String":
        return []
    return [value for _, value in node.ListFields() if isinstance(value, str)]


def _pads(type_name: Any) -> bool:
    """Whether a cast to the type makes long text of short: char(10485760) fills up with spaces."""
    modifiers = (m.a_const.ival.ival for m in type_name.typmods)
    return _own_name(type_name.names) == "bpchar" and any(m > MAX_PADDING for m in modifiers)


def _own_name(names: Any) -> str:
    """A possibly qualified name; without pg_catalog, which is where all of PostgreSQL's own are."""
    words = _words(names)
    return ".".join(words[1:] if words[:1] == ["pg_catalog"] else words)


def _words(names: Any) -> list[str]:
    return [name.string.sval for name in names]
