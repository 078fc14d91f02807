"""Defaults: a JSON value is a literal, a generator's name is the generator, and {"expression": …} is the rest."""

import ipaddress
import json
import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from decimal import Decimal, localcontext
from typing import Any

from schemad.request.expressions import Expression, read_expression
from schemad.request.finding import Finding, Rule, Severity
from schemad.request.text import misleading_character, shorten
from schemad.request.types import Family, FieldType

DEFAULT_DOES_NOT_FIT = Rule(
    "default.does_not_fit",
    Severity.REFUSE,
    "Whether a literal default is a value of its field's type.",
    'A value of the field\'s type, or {"expression": "…"}.',
)
DEFAULT_FROZEN = Rule(
    "default.frozen",
    Severity.REFUSE,
    "'now', 'today' and the like as defaults: PostgreSQL would keep the moment of the table's creation.",
    'The moment of the insert is "now()" or "CURRENT_DATE".',
)
DEFAULT_ON_SERIAL = Rule(
    "default.on_serial",
    Severity.REFUSE,
    "A default on a serial, which numbers itself.",
    "Leave the default out, or make the field an integer.",
)


@dataclass(frozen=True, slots=True)
class Literal:
    """A constant, as text that PostgreSQL reads as the field's type; written quoted."""

    text: str


@dataclass(frozen=True, slots=True)
class Generator:
    """One of the usual functions that make a default. `sql` is from GENERATORS, never from a request."""

    sql: str
    volatile: bool = False


Default = Literal | Generator | Expression

_NOW = Generator("now()")
_TODAY = Generator("CURRENT_DATE")
_UUID = Generator("gen_random_uuid()", volatile=True)

# What people write, folded and without white space, and the families of types on which they mean it.
GENERATORS: dict[str, tuple[Generator, frozenset[Family]]] = {
    "now()": (_NOW, frozenset({Family.TIMESTAMP, Family.DATE, Family.TIME})),
    "current_timestamp": (_NOW, frozenset({Family.TIMESTAMP, Family.DATE, Family.TIME})),
    "transaction_timestamp()": (_NOW, frozenset({Family.TIMESTAMP})),
    "clock_timestamp()": (
        Generator("clock_timestamp()", volatile=True),
        frozenset({Family.TIMESTAMP}),
    ),
    "statement_timestamp()": (Generator("statement_timestamp()"), frozenset({Family.TIMESTAMP})),
    "localtimestamp": (Generator("LOCALTIMESTAMP"), frozenset({Family.TIMESTAMP})),
    "current_date": (_TODAY, frozenset({Family.DATE, Family.TIMESTAMP})),
    "current_time": (Generator("CURRENT_TIME"), frozenset({Family.TIME})),
    "localtime": (Generator("LOCALTIME"), frozenset({Family.TIME})),
    "gen_random_uuid()": (_UUID, frozenset({Family.UUID})),
    "uuid_generate_v4()": (_UUID, frozenset({Family.UUID})),
}

_FROZEN = frozenset({"now", "today", "tomorrow", "yesterday", "allballs"})
_INTEGER_RANGES = {
    "smallint": (-(2**15), 2**15 - 1),
    "integer": (-(2**31), 2**31 - 1),
    "bigint": (-(2**63), 2**63 - 1),
}
# Smallest and largest values but zero.
_FLOAT_RANGES = {
    "real": (Decimal("1.4e-45"), Decimal("3.4028235e38")),
    "double precision": (Decimal("4.9e-324"), Decimal("1.7976931348623157e308")),
}
_BOOLEANS = {"true": "true", "t": "true", "yes": "true", "on": "true", "1": "true"} | {
    "false": "false",
    "f": "false",
    "no": "false",
    "off": "false",
    "0": "false",
}
_INTERVAL = re.compile(r"[-+0-9a-zA-Z:., ]{1,100}")
_TIME = re.compile(r"(?P<clock>\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)(?P<zone>Z|[+-]\d{2}(:?\d{2})?)?", re.ASCII)
_DIGITS = re.compile(r"[+-]?\d{1,30}", re.ASCII)
_NUMBER = re.compile(r"[+-]?(\d{1,400}(\.\d{0,400})?|\.\d{1,400})(e[+-]?\d{1,3})?", re.ASCII | re.I)


def read_default(given: Any, field_type: FieldType, *, field: str) -> Default | Finding | None:
    """Reads a default from a request.

    Args:
        given: The JSON value, numbers with fractions as Decimal; None is no default.
        field_type: The type of the field.
        field: The field to name in a finding.
    """
    if given is None:
        return None
    if field_type.is_serial:
        return DEFAULT_ON_SERIAL.finding("a serial numbers itself", field=field)
    if isinstance(given, Mapping) and given.keys() == {"expression"}:
        return _read_expression_default(given["expression"], field_type, field=field)
    family = field_type.known.family
    if isinstance(given, str) and not field_type.is_array:
        if generator := named_generator(given, family):
            return generator
        if family in {Family.DATE, Family.TIME, Family.TIMESTAMP} and (given.strip().lower() in _FROZEN):
            return DEFAULT_FROZEN.finding(
                f'"{given}" would stay the moment at which the table is made', field=field
            )
    try:
        text = _array_text(given, field_type) if field_type.is_array else _text(given, field_type)
    except (ValueError, ArithmeticError, RecursionError) as error:
        shown, why = shorten(_as_json(given)), shorten(str(error), 200)
        return DEFAULT_DOES_NOT_FIT.finding(f"{shown} does not fit the type: {why}", field=field)
    return Literal(text)


def _as_json(given: Any) -> str:
    """A default as the request has it, for a message."""
    try:
        return json.dumps(given, default=str, ensure_ascii=False)
    except (ValueError, RecursionError):
        return "it"


def named_generator(given: str, family: Family) -> Generator | None:
    """The generator that a text names, if it is one that fits the family of types."""
    generator, families = GENERATORS.get("".join(given.lower().split()), (_NOW, frozenset()))
    return generator if family in families else None


def _read_expression_default(given: Any, field_type: FieldType, *, field: str) -> Default | Finding:
    if not isinstance(given, str):
        return DEFAULT_DOES_NOT_FIT.finding("the expression is not a string", field=field)
    expression = read_expression(given, field=field)
    if isinstance(expression, Expression) and not field_type.is_array:
        return named_generator(expression.sql, field_type.known.family) or expression
    return expression


def _text(given: Any, field_type: FieldType) -> str:
    """The literal as PostgreSQL's input function for the type takes it; ValueError says why not."""
    text = _READERS[field_type.known.family](given, field_type)
    if character := misleading_character(text):
        raise ValueError(f"it has {character}")
    return text


def _array_text(given: Any, field_type: FieldType) -> str:
    if not isinstance(given, list):
        raise ValueError("the default of an array is a JSON array")
    items = ("NULL" if item is None else _array_item(_text(item, field_type)) for item in given)
    return "{" + ",".join(items) + "}"


def _array_item(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _read_text(given: Any, field_type: FieldType) -> str:
    if not isinstance(given, str):
        raise ValueError("it is not a string")
    if (most := field_type.most_characters) is not None and len(given) > most:
        raise ValueError(f"it is longer than {most} character{'s' if most > 1 else ''}")
    return given


def _read_integer(given: Any, field_type: FieldType) -> str:
    if isinstance(given, str) and _DIGITS.fullmatch(given):
        given = int(given)
    is_whole = isinstance(given, int) or (isinstance(given, Decimal) and given == given.to_integral_value())
    if isinstance(given, bool) or not is_whole:
        raise ValueError("it is not a whole number")
    least, most = _INTEGER_RANGES[field_type.known.name]
    if not least <= given <= most:
        raise ValueError(f"{field_type.known.name} goes from {least} to {most}")
    return str(int(given))


def _read_decimal(given: Any, field_type: FieldType) -> str:
    if isinstance(given, bool) or not isinstance(given, int | Decimal | str):
        raise ValueError("it is not a number")
    text = given.strip() if isinstance(given, str) else str(given)
    if not _NUMBER.fullmatch(text):
        raise ValueError("it is not a number" if isinstance(given, str) else "it has more than 400 digits")
    if field_type.modifiers:
        precision, scale = (*field_type.modifiers, 0)[:2]
        with localcontext(prec=3_000):  # more digits than _NUMBER and a scale come to
            if abs(round(Decimal(text), scale)) >= Decimal(10) ** (precision - scale):
                raise ValueError(f"it has more digits than {field_type.known.name}({precision},{scale}) keeps")
    if limits := _FLOAT_RANGES.get(field_type.known.name):
        least, most = limits
        if (number := abs(Decimal(text))) and not least <= number <= most:
            raise ValueError(f"{field_type.known.name} goes from {least} to {most}, and to as much below zero")
    return text


def _read_boolean(given: Any, _: FieldType) -> str:
    if isinstance(given, str) and given.strip().lower() in _BOOLEANS:
        return _BOOLEANS[given.strip().lower()]
    if not isinstance(given, bool):
        raise ValueError("it is not true or false")
    return "true" if given else "false"


def _read_date(given: Any, _: FieldType) -> str:
    if not isinstance(given, str):
        raise ValueError("it is not a string such as 2026-01-31")
    return date.fromisoformat(given).isoformat()


def _read_time(given: Any, _: FieldType) -> str:
    match = _TIME.fullmatch(given) if isinstance(given, str) else None
    if match is None:
        raise ValueError("it is not a string such as 13:45:00")
    time.fromisoformat(match["clock"])
    return str(given)


def _read_timestamp(given: Any, _: FieldType) -> str:
    if not isinstance(given, str):
        raise ValueError("it is not a string such as 2026-01-31 13:45:00")
    return datetime.fromisoformat(given).isoformat(sep=" ")


def _read_interval(given: Any, _: FieldType) -> str:
    if not isinstance(given, str) or not _INTERVAL.fullmatch(given):
        raise ValueError("it is not a string such as 1 day 02:00:00")
    return given


def _read_uuid(given: Any, _: FieldType) -> str:
    if not isinstance(given, str):
        raise ValueError("it is not a string")
    return str(uuid.UUID(given))


def _read_json(given: Any, _: FieldType) -> str:
    # A string that is JSON itself is meant as that: in SQL one writes DEFAULT '{}'.
    if isinstance(given, str):
        try:
            json.loads(given, parse_constant=_no_json)
        except (ValueError, RecursionError):
            raise ValueError('it is not JSON; a JSON string is written "\\"text\\""') from None
        return given
    return json.dumps(given, default=_json_number, ensure_ascii=False, allow_nan=False)


def _no_json(constant: str) -> None:
    """What Python reads and JSON does not have: NaN and the infinities."""
    raise ValueError(f"{constant} is not JSON")


def _json_number(value: Any) -> float:
    """Decimals as JSON numbers: json has no other way to write one."""
    if isinstance(value, Decimal) and Decimal(repr(float(value))) == value:
        return float(value)
    raise ValueError("a number in it has more digits than a JSON default keeps")


def _read_bytes(given: Any, _: FieldType) -> str:
    if not isinstance(given, str) or not re.fullmatch(r"\\x([0-9a-fA-F]{2})*", given):
        raise ValueError("it is not a string of hexadecimal bytes such as \\x00ff")
    return given


def _read_network(given: Any, field_type: FieldType) -> str:
    if not isinstance(given, str):
        raise ValueError("it is not a string")
    if field_type.known.name == "macaddr":
        if not re.fullmatch(r"([0-9a-fA-F]{2}:){5}[0-9a-fA-F]{2}", given):
            raise ValueError("it is not a string such as 08:00:2b:01:02:03")
        return given
    if field_type.known.name == "cidr":
        return str(ipaddress.ip_network(given))
    if "%" in given:
        raise ValueError("PostgreSQL keeps no zone with an address")
    return str(ipaddress.ip_interface(given) if "/" in given else ipaddress.ip_address(given))


def _read_other(given: Any, _: FieldType) -> str:
    """What a type that is not built in takes, only the server knows; it tries the default."""
    if not isinstance(given, str):
        raise ValueError("it is not a string")
    return given


_READERS: dict[Family, Callable[[Any, FieldType], str]] = {
    Family.TEXT: _read_text,
    Family.INTEGER: _read_integer,
    Family.DECIMAL: _read_decimal,
    Family.BOOLEAN: _read_boolean,
    Family.DATE: _read_date,
    Family.TIME: _read_time,
    Family.TIMESTAMP: _read_timestamp,
    Family.INTERVAL: _read_interval,
    Family.UUID: _read_uuid,
    Family.JSON: _read_json,
    Family.BYTES: _read_bytes,
    Family.NETWORK: _read_network,
    Family.OTHER: _read_other,
}
