"""Columns within an expression: which parts of it still depend on one once PostgreSQL has folded its constants.

PostgreSQL evaluates what is constant before there is a row: when a check is added, and when a table is made.
That a column is written somewhere is not enough: `coalesce('x', a)`, `CASE WHEN true THEN 'x' ELSE a END` and
`(a || NULL) IS NULL` are constants to it.
"""

from collections.abc import Sequence
from typing import Any


def with_columns(nodes: Sequence[Any]) -> frozenset[int]:
    """The parts of an expression that surely depend on a column when they are evaluated, by their id().

    What isn't understood does not: the answer is for what waits for a review otherwise.

    Args:
        nodes: All messages of its tree, each before those that it holds.
    """
    varying: set[int] = set()
    literal: set[int] = set()
    for node in reversed(nodes):
        inner = node
        if node.DESCRIPTOR.name == "Node":
            inner = getattr(node, node.WhichOneof("node") or "", node)
        if id(inner) in varying or _varies(inner, varying, literal):
            varying.add(id(node))
        elif id(inner) in literal or _is_literal(inner, literal):
            literal.add(id(node))
    return frozenset(varying)


def _varies(node: Any, varying: set[int], literal: set[int]) -> bool:
    """Whether a part does, given which of the parts within it do, and which are literals other than NULL."""

    def of_strict(*operands: Any) -> bool:
        # A NULL beside a column makes NULL of a strict function, and a constant.
        return any(id(o) in varying for o in operands) and all(id(o) in varying | literal for o in operands)

    match node.DESCRIPTOR.name:
        case "ColumnRef":
            return True
        case "TypeCast":
            return id(node.arg) in varying
        case "FuncCall":
            return of_strict(*node.args)
        case "A_Expr" if node.DESCRIPTOR.fields_by_name["kind"].enum_type.values[node.kind].name == "AEXPR_OP":
            return of_strict(*([node.lexpr] if node.HasField("lexpr") else []), node.rexpr)
        case "CoalesceExpr":
            return id(node.args[0]) in varying
        case "MinMaxExpr":
            return any(id(argument) in varying for argument in node.args)
        case "A_ArrayExpr":
            return any(id(element) in varying for element in node.elements)
        case _:
            return False


def _is_literal(node: Any, literal: set[int]) -> bool:
    """Whether a part is a constant as it is written, or a cast of one, and not NULL."""
    match node.DESCRIPTOR.name:
        case "A_Const":
            return not node.isnull
        case "TypeCast":
            return id(node.arg) in literal
        case "List":
            return all(id(item) in literal for item in node.items)
        case _:
            return False
