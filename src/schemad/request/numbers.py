"""Numbers within an expression: a few characters may stand for one of a hundred thousand digits.

PostgreSQL computes with all of them. Plain digits are bounded by the length of an expression; exponents are not,
and may come as a number, or in text that a cast or its place makes a number or JSON of.
"""

import re
from typing import Any

# Numbers with an exponent, as PostgreSQL's scanner, numeric and JSON read them; not parts of words or UUIDs.
_EXPONENT = re.compile(
    r"(?<![0-9A-Za-z_.])(?<![0-9A-Za-z]-)(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)[eE]([+-]?\d[\d_]*)(?![0-9A-Za-z_.-])",
    re.ASCII,
)
# What makes text that is not there to be read: '1e13' || '1071'.
_TEXT_FUNCTIONS = frozenset(
    """
    btrim encode host initcap left like_escape lower ltrim md5 reverse right rtrim similar_to_escape split_part
    substr substring translate upper
    """.split()
)
_TEXT_OPERATORS = frozenset({"||", "->", "->>", "#>", "#>>"})
_TEXT_TYPES = frozenset({"text", "varchar", "bpchar", "json", "jsonb"})
# Types whose values may be, or hold, a number of any length.
_LONG_TYPES = frozenset({"numeric", "json", "jsonb"})


def exponents(text: str) -> int:
    """How many digits the exponents in a text stand for, whatever their sign, together."""
    return sum(abs(int(exponent.replace("_", ""))) for exponent in _EXPONENT.findall(text))


def makes_number_of_text(cast: Any) -> bool:
    """Whether a cast, a TypeCast of the grammar, may read a number from text that is not a literal."""
    return _name(cast.type_name.names) in _LONG_TYPES and _is_made_text(cast.arg)


def _is_made_text(node: Any) -> bool:
    """Whether a part of an expression, a Node, may be text that was put together."""
    kind = node.WhichOneof("node")
    part: Any = getattr(node, kind) if kind else None
    match kind:
        case "func_call":
            return _name(part.funcname) in _TEXT_FUNCTIONS
        case "a_expr":
            return _name(part.name) in _TEXT_OPERATORS
        case "type_cast":
            is_text = _name(part.type_name.names) in _TEXT_TYPES and part.arg.WhichOneof("node") != "a_const"
            return is_text or _is_made_text(part.arg)
        case "case_expr":
            return any(map(_is_made_text, [*(w.case_when.result for w in part.args), part.defresult]))
        case "coalesce_expr" | "min_max_expr":
            return any(map(_is_made_text, part.args))
        case "a_array_expr":
            return any(map(_is_made_text, part.elements))
        case _:
            return False


def _name(names: Any) -> str:
    return str(names[-1].string.sval)
