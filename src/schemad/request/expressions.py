"""Expressions: read by PostgreSQL's own grammar, and written anew from what was understood.

An expression is never passed on as text. It is parsed as the one target of a SELECT, deparsed, parsed again
and compared; only the deparsed text is used, in parentheses. Approval by a person lifts the policy, never this.
"""

import hashlib
from dataclasses import dataclass
from typing import Any

import postgast
from google.protobuf.message import DecodeError, Message

from schemad.request.finding import Finding, Rule, Severity

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

# A bare SELECT has these and nothing more.
_PLAIN_SELECT = frozenset({"target_list", "limit_option", "op"})
_FORBIDDEN_NODES = frozenset({"SubLink", "ParamRef", "SelectStmt", "SetToDefault", "CurrentOfExpr", "A_Star"})
_PLACES = frozenset({"location", "list_start", "list_end", "rexpr_list_start", "rexpr_list_end"})


@dataclass(frozen=True, slots=True)
class Expression:
    """An expression as the grammar understood it.

    Attributes:
        sql: The canonical text.
        columns: The columns that it names.
    """

    sql: str
    columns: frozenset[str]

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
    if len(given.encode(errors="surrogatepass")) > MAX_EXPRESSION_BYTES:
        size = len(given.encode(errors="surrogatepass"))
        return EXPRESSION_TOO_LONG.finding(f"the expression has {size} bytes", field=field)
    # The parser silently stops at NUL, so that `1)\0, pg_sleep(10` would be read as `1`.
    if not all(c.isprintable() or c in "\n\t " for c in given):
        return EXPRESSION_UNREADABLE.finding("the expression has control or format characters", field=field)
    try:
        tree = _select(f"SELECT (\n{given}\n)")
        canonical = _target_sql(tree)
        again = _select(f"SELECT ({canonical})")
    except (postgast.PgQueryError, DecodeError, ValueError) as error:
        return EXPRESSION_UNREADABLE.finding(f"not one expression: {error}", field=field)
    if _without_locations(tree) != _without_locations(again):
        return EXPRESSION_UNREADABLE.finding("the expression has more than one reading", field=field)

    target = tree.target_list[0].res_target.val
    kinds = {node.DESCRIPTOR.name for node in _nodes(target)}
    if found := sorted(kinds & _FORBIDDEN_NODES):
        return EXPRESSION_QUERY.finding(f"the expression has a {found[0]}", field=field)
    return Expression(canonical, frozenset(_columns(target)))


def _select(sql: str) -> Any:
    """The one SELECT that `sql` is, with one unnamed target and no other clause; ValueError otherwise."""
    statements = postgast.parse(sql).stmts
    if len(statements) != 1 or statements[0].stmt.WhichOneof("node") != "select_stmt":
        raise ValueError("it is not a single expression")
    select = statements[0].stmt.select_stmt
    if {part.name for part, _ in select.ListFields()} - _PLAIN_SELECT:
        raise ValueError("it has clauses of a query")
    if len(select.target_list) != 1:
        raise ValueError("it is a list")
    target = select.target_list[0].res_target
    if target.name or target.indirection:
        raise ValueError("it has a name of its own")
    if target.val.WhichOneof("node") == "row_expr":
        raise ValueError("it is a list")
    return select


def _target_sql(select: Any) -> str:
    """The canonical text of a SELECT's one target."""
    parsed = postgast.ParseResult()
    parsed.stmts.add().stmt.select_stmt.CopyFrom(select)
    sql: str = postgast.deparse(parsed)
    head = "SELECT "
    if not sql.startswith(head):
        raise ValueError("it can't be written as a single expression")
    return sql[len(head) :]


def _without_locations(message: Message) -> Message:
    """A copy without the places in the text, which differ between two spellings of the same."""
    copy = type(message)()
    copy.CopyFrom(message)
    for node in _nodes(copy):
        for place in _PLACES.intersection(node.DESCRIPTOR.fields_by_name):
            node.ClearField(place)
    return copy


def _nodes(message: Message) -> list[Message]:
    """All nodes of a tree, the given one first. Iterative: a tree may be as deep as its text is long."""
    found: list[Message] = []
    waiting = [message]
    while waiting:
        node = waiting.pop()
        found.append(node)
        for descriptor, value in node.ListFields():
            if descriptor.message_type is None:
                continue
            waiting.extend([value] if isinstance(value, Message) else list(value))
    return found


def _columns(target: Message) -> set[str]:
    """Last names of all column references."""
    return {node.fields[-1].string.sval for node in _nodes(target) if node.DESCRIPTOR.name == "ColumnRef"}
