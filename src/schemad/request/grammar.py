"""PostgreSQL's grammar: one expression taken apart by PostgreSQL's own parser, and written anew from its tree."""

from dataclasses import dataclass
from functools import cache
from typing import Any

import postgast
from google.protobuf.message import DecodeError, Message

# A bare SELECT has these and nothing more.
_PLAIN_SELECT = frozenset({"target_list", "limit_option", "op"})
# What may turn a value into a longer one.
_CONVERSIONS = frozenset({"FuncCall", "TypeCast"})
_PLACES = frozenset({"location", "list_start", "list_end", "rexpr_list_start", "rexpr_list_end"})


class NotAnExpressionError(ValueError):
    """Why a text is not one expression, in words."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """An expression as the parser has it.

    Attributes:
        sql: Written from the tree: the canonical text.
        tree: Its topmost node.
    """

    sql: str
    tree: Any


def parse(given: str) -> Parsed:
    """Takes an expression apart, writes it anew, and sees that this means the same.

    Raises:
        NotAnExpressionError: It is not one expression, or not certainly the one that it seems.
    """
    try:
        tree = _select(f"SELECT (\n{given}\n)")
        canonical = _target_sql(tree)
        again = _select(f"SELECT ({canonical})")
    except DecodeError as error:  # the parser's tree, which has a hundred levels at most where it is read
        raise NotAnExpressionError("the expression is nested too deeply") from error
    except (postgast.PgQueryError, ValueError) as error:
        said = " ".join(str(error).split())  # it quotes what it stumbled over, line breaks included
        raise NotAnExpressionError(f"not one expression: {said}") from error
    if _without_locations(tree) != _without_locations(again):
        raise NotAnExpressionError("the expression has more than one reading")
    return Parsed(canonical, tree.target_list[0].res_target.val)


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
    for node in nodes(copy):
        for place in _places(node.DESCRIPTOR):
            node.ClearField(place)
    return copy


@cache
def _places(kind: Any) -> tuple[str, ...]:
    """The fields in which a kind of node keeps places in the text."""
    return tuple(_PLACES.intersection(kind.fields_by_name))


def nodes(message: Message) -> list[Message]:
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


def nesting(message: Message) -> int:
    """How deep casts and calls are within one another."""
    deepest, waiting = 0, [(message, 0)]
    while waiting:
        node, depth = waiting.pop()
        depth += node.DESCRIPTOR.name in _CONVERSIONS
        deepest = max(deepest, depth)
        for descriptor, value in node.ListFields():
            if descriptor.message_type is not None:
                waiting.extend((v, depth) for v in ([value] if isinstance(value, Message) else value))
    return deepest
