"""Names of tables and fields: folded first, judged after, and always quoted when written.

The limits are PostgreSQL's: 63 bytes (NAMEDATALEN - 1), keywords that can't name a table or column, system
columns, and the pg_ prefix. Non-ASCII letters are left out, as the specification asks.
"""

import hashlib
import re
from collections.abc import Iterator

from schemad.request.finding import Finding, Rule, Severity
from schemad.request.text import shorten

NAME_INVALID = Rule(
    "name.invalid",
    Severity.REFUSE,
    "The characters of a table's or field's name.",
    "A name is letters, digits and underscores, not starting with a digit, such as user_id.",
)
NAME_TOO_LONG = Rule(
    "name.too_long",
    Severity.REFUSE,
    "The length of a name: PostgreSQL keeps 63 bytes and silently cuts the rest.",
    "At most 63 bytes.",
)
NAME_SYSTEM = Rule(
    "name.system",
    Severity.REFUSE,
    "Names that PostgreSQL keeps for itself: pg_…, and its system columns.",
    "Not pg_…, ctid, xmin, xmax, cmin, cmax or tableoid.",
)
NAME_RESERVED = Rule(
    "name.reserved",
    Severity.REFUSE,
    "Reserved words of SQL, which would have to be quoted in each query.",
    "Add something to the name, such as user_name for user.",
)

MAX_NAME_BYTES = 63
# How many names are tried for a key or an index.
NAME_CHOICES = 4
SYSTEM_COLUMNS = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})

# catcode R and T of pg_get_keywords() in PostgreSQL 15 to 18; the others (7.9% of real column names) are fine.
RESERVED_WORDS = frozenset(
    """
    all analyse analyze and any array as asc asymmetric authorization binary both case cast check collate
    collation column concurrently constraint create cross current_catalog current_date current_role
    current_schema current_time current_timestamp current_user default deferrable desc distinct do else end
    except false fetch for foreign freeze from full grant group having ilike in initially inner intersect into
    is isnull join lateral leading left like limit localtime localtimestamp natural not notnull null offset on
    only or order outer overlaps placing primary references returning right select session_user similar some
    symmetric system_user table tablesample then to trailing true union unique user using variadic verbose when
    where window with
    """.split()
)

_NAME = re.compile(r"[a-z_][a-z0-9_]*", re.ASCII)


def fold(given: str) -> str:
    """The name as an unquoted identifier in SQL would be: in lower case."""
    return given.lower() if given.isascii() else given


def name_finding(given: str, *, field: str | None = None) -> Finding | None:
    """What is wrong with a name, or None.

    Args:
        given: The name as the request has it.
        field: The field to say it of; None for the table.
    """
    problem = _problem(given)
    if problem is None:
        return None
    rule, what = problem
    return rule.finding(f'"{shorten(given)}" {what}', field=field)


def _problem(given: str) -> tuple[Rule, str] | None:
    name = fold(given)
    # fullmatch: `$` would let a trailing newline pass.
    # ASCII before folding too: the Kelvin sign's lower case is an ASCII k.
    if not given.isascii() or not _NAME.fullmatch(name):
        return NAME_INVALID, "is not a name"
    if len(name) > MAX_NAME_BYTES:  # a byte a character, by now
        return NAME_TOO_LONG, f"has {len(name)} bytes"
    if name.startswith("pg_") or name in SYSTEM_COLUMNS:
        return NAME_SYSTEM, "is PostgreSQL's own"
    if name in RESERVED_WORDS:
        return NAME_RESERVED, "is a reserved word"
    return None


def derived_name(table: str, *parts: str, kind: str, choice: int = 0) -> str:
    """The name of a constraint or index, such as orders_customer_id_idx.

    With several parts, or more than 63 bytes, it has a hash of them: the fields a and b are not the field a_b,
    and PostgreSQL's own truncation lets two names collide.

    Args:
        table: The table, folded.
        parts: Fields, or what else tells it from the others.
        kind: pkey, key, idx, fkey or check.
        choice: 0: the first choice; more: another one, always with a hash.
    """
    whole = "_".join((table, *parts, kind))
    if len(parts) < 2 and len(whole) <= MAX_NAME_BYTES and not choice:
        return whole
    # No table's name starts with a digit: what is hashed for one choice is never what is hashed for another.
    hashed = (str(choice), table, *parts) if choice else (table, *parts)
    digest = hashlib.sha256("\0".join(hashed).encode()).hexdigest()[:8]
    head = "_".join((table, *parts))[: MAX_NAME_BYTES - len(digest) - len(kind) - 2]
    return f"{head}_{digest}_{kind}"


def derived_names(table: str, *parts: str, kind: str) -> Iterator[str]:
    """The names that a key or index may get, the first choice first: the first may be another relation's.

    The table orders has orders_item_sku_key for its field item_sku, and so has orders_item for its field sku.
    Made one by one, as most often the first will do.
    """
    return (derived_name(table, *parts, kind=kind, choice=choice) for choice in range(NAME_CHOICES))
