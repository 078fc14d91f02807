r"""Expressions that need no review: what a default or a check may use of PostgreSQL by itself.

An allow-list, since a list of what is forbidden is never complete: all of `length(pg_sleep(1)::text)`,
`setval(…)` and `length(U&"pg\005fsleep"(1)::text)` look harmless to a pattern. What is on it neither writes, nor
waits, nor reads anything but the row, and needs little more memory than its arguments. What is not waits for a
person.
"""

import re
from collections.abc import Iterator

from schemad.request.defaults import Default, Generator, Literal
from schemad.request.expressions import Expression
from schemad.request.finding import Finding, Rule, Severity
from schemad.request.text import shorten
from schemad.request.types import KNOWN_TYPES

EXPRESSION_FUNCTION = Rule(
    "expression.function_not_allowed",
    Severity.REVIEW,
    "Functions that an expression calls, by name and number of arguments.",
    "Functions of PostgreSQL's own that only look at the row: lower, length, now, coalesce and the like.",
)
EXPRESSION_OPERATOR = Rule(
    "expression.operator_not_allowed",
    Severity.REVIEW,
    "Operators that an expression uses.",
    "Comparisons, arithmetic, ||, LIKE, ~ and JSON access.",
)
EXPRESSION_TYPE = Rule(
    "expression.type_not_allowed",
    Severity.REVIEW,
    "Types that an expression casts to: a cast to regclass, for one, looks things up.",
    "Types that a field may have.",
)
EXPRESSION_CONSTRUCT = Rule(
    "expression.construct_not_allowed",
    Severity.REVIEW,
    "Parts of the grammar beyond calls, operators, casts, CASE, IN, BETWEEN and tests for null; casts and calls "
    "within one another; numbers of more than 1,000 digits by their exponents, or made of text.",
    "A plainer way to say it.",
)
EXPRESSION_COLUMN = Rule(
    "expression.column_unknown",
    Severity.REFUSE,
    "Columns that an expression names: PostgreSQL takes none in a default, and in a check those of its own row.",
    "A default without fields; a check over fields of the same table, by their bare names.",
)
EXPRESSION_FROZEN = Rule(
    "expression.frozen",
    Severity.REVIEW,
    "now, today, tomorrow and yesterday in constants beside dates and times: PostgreSQL reads them once, when the "
    "table is made.",
    "now() or CURRENT_DATE.",
)
EXPRESSION_FOREIGN_NAME = Rule(
    "expression.foreign_name",
    Severity.REVIEW,
    "Names in an expression with other characters than ASCII ones, of which some look like those: the Cyrillic "
    "letter U+0440 looks like a p.",
    "Names of ASCII characters. A reviewer compares the characters that the message tells.",
)
EXPRESSION_SLOW = Rule(
    "expression.slow",
    Severity.REVIEW,
    "Patterns, and calls that look at each character for each of another text, over constants: PostgreSQL "
    "evaluates them when the table is made, and everybody's requests wait meanwhile.",
    "In a check, one over a field itself, such as code ~ '^[0-9]+$'; in a default, what it comes to.",
)

ALLOWED_CONSTRUCTS = frozenset(
    {
        "A_ArrayExpr",
        "A_Const",
        "A_Expr",
        "BoolExpr",
        "BooleanTest",
        "CaseExpr",
        "CaseWhen",
        "CoalesceExpr",
        "ColumnRef",
        "FuncCall",
        "MinMaxExpr",
        "NullTest",
        "SQLValueFunction.SVFOP_CURRENT_DATE",
        "SQLValueFunction.SVFOP_CURRENT_TIME",
        "SQLValueFunction.SVFOP_CURRENT_TIME_N",
        "SQLValueFunction.SVFOP_CURRENT_TIMESTAMP",
        "SQLValueFunction.SVFOP_CURRENT_TIMESTAMP_N",
        "SQLValueFunction.SVFOP_LOCALTIME",
        "SQLValueFunction.SVFOP_LOCALTIME_N",
        "SQLValueFunction.SVFOP_LOCALTIMESTAMP",
        "SQLValueFunction.SVFOP_LOCALTIMESTAMP_N",
        "TypeCast",
    }
)

# One may double its argument: an array's quotes as text, bytes in hexadecimal. 25 of them would need 100 MB.
MAX_NESTING = 8

# Name and the numbers of arguments. Nothing that repeats, replaces or pads (memory), formats by the session's
# settings, reads a setting, a sequence or a file, or raises to a power.
ALLOWED_FUNCTIONS = {
    "abs": {1},
    "age": {1, 2},
    "array_length": {2},
    "array_lower": {2},
    "array_ndims": {1},
    "array_position": {2, 3},
    "array_upper": {2},
    "ascii": {1},
    "bit_length": {1},
    "btrim": {1, 2},
    "cardinality": {1},
    "ceil": {1},
    "ceiling": {1},
    "char_length": {1},
    "character_length": {1},
    "clock_timestamp": {0},
    "date": {1},
    "date_part": {2},
    "date_trunc": {2, 3},
    "div": {2},
    "encode": {2},
    "extract": {2},
    "family": {1},
    "floor": {1},
    "gen_random_uuid": {0},
    "host": {1},
    "initcap": {1},
    "isfinite": {1},
    "json_array_length": {1},
    "json_build_array": set(range(33)),
    "json_build_object": set(range(0, 65, 2)),
    "json_typeof": {1},
    "jsonb_array_length": {1},
    "jsonb_build_array": set(range(33)),
    "jsonb_build_object": set(range(0, 65, 2)),
    "jsonb_typeof": {1},
    "left": {2},
    "length": {1},
    "like_escape": {2},
    "lower": {1},
    "ltrim": {1, 2},
    "make_date": {3},
    "make_time": {3},
    "make_timestamp": {6},
    "masklen": {1},
    "md5": {1},
    "mod": {2},
    "now": {0},
    "num_nonnulls": set(range(1, 33)),
    "num_nulls": set(range(1, 33)),
    "octet_length": {1},
    "overlaps": {4},
    "position": {2},
    "random": {0},
    "regexp_like": {2, 3},
    "reverse": {1},
    "right": {2},
    "round": {1, 2},
    "rtrim": {1, 2},
    "scale": {1},
    "sha256": {1},
    "sign": {1},
    "similar_to_escape": {1, 2},
    "split_part": {3},
    "sqrt": {1},
    "starts_with": {2},
    "statement_timestamp": {0},
    "strpos": {2},
    "substr": {2, 3},
    "substring": {2, 3},
    "timezone": {2},
    "to_timestamp": {1},
    "transaction_timestamp": {0},
    "translate": {3},
    "trunc": {1, 2},
    "upper": {1},
}

# Each row that is there would get a value of its own from these: a rewrite of the table.
VOLATILE_FUNCTIONS = frozenset({"clock_timestamp", "gen_random_uuid", "random"})

ALLOWED_OPERATORS = frozenset(
    "= <> != < > <= >= + - * / % & | # << >> <<= >>= || ^@ -> ->> #> #>> ? ?| ?& @> <@ &&".split()
    + "~ ~* !~ !~* ~~ !~~ ~~* !~~*".split()
) | {"BETWEEN", "NOT BETWEEN", "BETWEEN SYMMETRIC", "NOT BETWEEN SYMMETRIC"}

# A match with back references can take for ever. Of a column it is the insert of whoever asked that does.
# Without one it is schemad, and everybody's requests wait meanwhile: defaults are tried, and PostgreSQL evaluates
# constants when a check is added, even to a table without rows.
_PATTERN_OPERATORS = frozenset("~ ~* !~ !~* ~~ ~~* !~~ !~~*".split())
# These look at each character of one argument for each of the other: of two long texts, for minutes.
_QUADRATIC_CALLS = frozenset(
    {("translate", 3), ("btrim", 2), ("ltrim", 2), ("rtrim", 2), ("position", 2), ("strpos", 2)}
)
# As many digits as an expression could write out. PostgreSQL computes with each digit of 1e131071, and its text
# has them all.
MAX_EXPONENTS = 1_000
_PATTERN_FUNCTIONS = frozenset({"regexp_like", "substring"})

# The grammar's names of the types that a field may have.
ALLOWED_TYPES = frozenset(
    {"int2", "int4", "int8", "float4", "float8", "bool", "bpchar"}
    | {known.name for known in KNOWN_TYPES.values() if not known.serial_of}
)

# PostgreSQL takes a date apart into runs of letters and of digits, and ignores what is between: 12:00today.
_FROZEN = re.compile(r"(?<![a-z])(now|today|tomorrow|yesterday)(?![a-z])", re.IGNORECASE)
_MOMENT_TYPES = frozenset({"date", "time", "timestamp", "timestamptz", "timetz"})
_MOMENT_FUNCTIONS = frozenset(
    """
    age clock_timestamp date date_part date_trunc extract isfinite make_date make_time make_timestamp now overlaps
    statement_timestamp timezone to_timestamp transaction_timestamp
    """.split()
)


def expression_findings(
    expression: Expression, *, columns: frozenset[str], field: str | None, what: str, moments: bool = True
) -> Iterator[Finding]:
    """Why an expression can't be, or needs a review.

    Args:
        expression: The expression.
        columns: The columns that it may name; none for a default.
        field: The field to name in a finding; None for a check of the table.
        what: What it is, for the messages: `the default` or `the check`.
        moments: Whether the field, or one that it names, may have a date or time.
    """
    shown = shorten(expression.sql, 300)
    for column in sorted(expression.columns - columns):
        message = f'{what} ({shown}) names "{shorten(column)}", which it can\'t'
        yield EXPRESSION_COLUMN.finding(message, field=field)
    for name in sorted(expression.foreign_names):
        points = ", ".join(dict.fromkeys(f"{c} (U+{ord(c):04X})" for c in name if not c.isascii()))
        message = f'{what} ({shown}) has the name "{shorten(name)}" with {shorten(points, 300)}'
        yield EXPRESSION_FOREIGN_NAME.finding(message, field=field)
    for construct in sorted(expression.constructs - ALLOWED_CONSTRUCTS):
        part = construct.rpartition(".")[2].removeprefix("SVFOP_")  # the grammar's name, such as CURRENT_USER
        yield EXPRESSION_CONSTRUCT.finding(f"{what} ({shown}) has a {part}", field=field)
    if expression.nesting > MAX_NESTING:
        message = f"{what} ({shown}) has casts and calls {expression.nesting} deep; {MAX_NESTING} at most"
        yield EXPRESSION_CONSTRUCT.finding(message, field=field)
    for name, arity in sorted(expression.functions):
        if arity not in ALLOWED_FUNCTIONS.get(name, ()):
            arguments = f"{arity} argument{'' if arity == 1 else 's'}"
            message = f"{what} ({shown}) calls {name} with {arguments}"
            yield EXPRESSION_FUNCTION.finding(message, field=field)
    for trouble in _numbers(expression):
        yield EXPRESSION_CONSTRUCT.finding(f"{what} ({shown}) {trouble}", field=field)
    for operator in sorted(expression.operators - ALLOWED_OPERATORS):
        yield EXPRESSION_OPERATOR.finding(f"{what} ({shown}) uses {operator}", field=field)
    for slow in sorted(_slow_constants(expression)):
        yield EXPRESSION_SLOW.finding(f"{what} ({shown}) uses {slow} without a field", field=field)
    for name in sorted(expression.types - ALLOWED_TYPES):
        yield EXPRESSION_TYPE.finding(f"{what} ({shown}) casts to {name}", field=field)
    frozen = next((text for text in sorted(expression.texts) if _FROZEN.search(text)), None)
    if frozen and (moments or _has_moments(expression)):
        yield EXPRESSION_FROZEN.finding(f"{what} ({shown}) has the constant '{shorten(frozen)}'", field=field)


def needs_review(expression: Expression, columns: frozenset[str]) -> bool:
    """Whether it has what only a person lets through, or what nobody can.

    Args:
        expression: The expression.
        columns: The columns that it may name; none for a default.
    """
    return any(expression_findings(expression, columns=columns, field=None, what="the expression"))


def _numbers(expression: Expression) -> Iterator[str]:
    """What its numbers have or do that could make PostgreSQL compute with far more digits than are written."""
    if expression.exponents > MAX_EXPONENTS:
        yield f"has numbers of more than {MAX_EXPONENTS:,} digits"
    if expression.makes_numbers:
        yield "makes a number of text"


def _has_moments(expression: Expression) -> bool:
    """Whether a text beside them might be read as a date or time."""
    return (
        any(name in _MOMENT_FUNCTIONS for name, _ in expression.functions)
        or any(construct.startswith("SQLValueFunction.") for construct in expression.constructs)
        # Of a type that isn't known it can't be told: a domain may be over a date.
        or bool(expression.types & _MOMENT_TYPES or expression.types - ALLOWED_TYPES)
    )


def _slow_constants(expression: Expression) -> set[str]:
    """The functions and operators that may take long over what PostgreSQL evaluates before there is a row."""
    calls = {
        (n, a) for n, a in expression.folded_functions if n in _PATTERN_FUNCTIONS or (n, a) in _QUADRATIC_CALLS
    }
    return {name for name, _ in calls} | (expression.folded_operators & _PATTERN_OPERATORS)


def is_volatile(default: Default) -> bool:
    """Whether each row gets a value of its own from it; an unknown function is taken to do so."""
    match default:
        case Literal():
            return False
        case Generator():
            return default.volatile
        case Expression():
            return any(
                name in VOLATILE_FUNCTIONS or name not in ALLOWED_FUNCTIONS for name, _ in default.functions
            )
