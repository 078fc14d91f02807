"""Types: read into a name and modifiers from a known list, never passed on as text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import lru_cache
from types import MappingProxyType

from schemad.request.finding import Finding, Rule, Severity
from schemad.request.text import shorten

TYPE_MALFORMED = Rule(
    "type.malformed",
    Severity.REFUSE,
    "Whether a type can be read as a name, modifiers and [].",
    "A type is a name with modifiers, such as varchar(255), numeric(10,2) or integer[].",
)
TYPE_UNKNOWN = Rule(
    "type.unknown",
    Severity.REFUSE,
    "Whether a type is one that schemad can write.",
    "SELECT name FROM schemad.safe_types WHERE NOT refused lists them.",
)
TYPE_MODIFIER = Rule(
    "type.modifier",
    Severity.REFUSE,
    "The number and range of a type's modifiers.",
    "varchar and char take 1 to 10485760, numeric 1 to 1000 digits, times 0 to 6 decimals.",
)


class Family(Enum):
    """Which literals a type takes as a default."""

    TEXT = auto()
    INTEGER = auto()
    DECIMAL = auto()
    BOOLEAN = auto()
    DATE = auto()
    TIME = auto()
    TIMESTAMP = auto()
    INTERVAL = auto()
    UUID = auto()
    JSON = auto()
    BYTES = auto()
    NETWORK = auto()
    OTHER = auto()


@dataclass(frozen=True, slots=True)
class KnownType:
    """A type that schemad can write.

    Attributes:
        name: The name that is written.
        family: Which literals it takes as a default.
        aliases: Other names that a request may use.
        modifiers: How many modifiers it takes at most.
        modifier_range: Smallest and largest first modifier; the second (numeric's scale) is -1000 to 1000.
        catalog_name: What format_type() calls it, before modifiers.
        serial_of: For the serials, the integer type that they stand for.
        sql_name: How it is written where that is not its name: with its schema, for types that are not built in.
    """

    name: str
    family: Family
    catalog_name: str = ""
    aliases: tuple[str, ...] = ()
    modifiers: int = 0
    modifier_range: tuple[int, int] = (0, 0)
    serial_of: str = ""
    sql_name: str = ""


# Their modifier stands in the middle of their long names: timestamp(3) with time zone.
_CLOCKS = frozenset({Family.TIME, Family.TIMESTAMP})
_LENGTH = (1, 10_485_760)
_PRECISION = (1, 1_000)
_DECIMALS = (0, 6)
_SCALE = (-1_000, 1_000)

KNOWN_TYPES: dict[str, KnownType] = {
    known.name: known
    for known in (
        KnownType("text", Family.TEXT),
        KnownType("varchar", Family.TEXT, "character varying", ("character varying",), 1, _LENGTH),
        KnownType("char", Family.TEXT, "character", ("character",), 1, _LENGTH),
        KnownType("smallint", Family.INTEGER, aliases=("int2",)),
        KnownType("integer", Family.INTEGER, aliases=("int", "int4")),
        KnownType("bigint", Family.INTEGER, aliases=("int8",)),
        KnownType("smallserial", Family.INTEGER, aliases=("serial2",), serial_of="smallint"),
        KnownType("serial", Family.INTEGER, aliases=("serial4",), serial_of="integer"),
        KnownType("bigserial", Family.INTEGER, aliases=("serial8",), serial_of="bigint"),
        KnownType("numeric", Family.DECIMAL, "", ("decimal",), 2, _PRECISION),
        KnownType("real", Family.DECIMAL, aliases=("float4",)),
        KnownType("double precision", Family.DECIMAL, aliases=("float8", "float")),
        KnownType("boolean", Family.BOOLEAN, aliases=("bool",)),
        KnownType("date", Family.DATE),
        KnownType("time", Family.TIME, "time without time zone", ("time without time zone",), 1, _DECIMALS),
        KnownType("timetz", Family.TIME, "time with time zone", ("time with time zone",), 1, _DECIMALS),
        KnownType(
            "timestamp",
            Family.TIMESTAMP,
            "timestamp without time zone",
            ("timestamp without time zone",),
            1,
            _DECIMALS,
        ),
        KnownType(
            "timestamptz",
            Family.TIMESTAMP,
            "timestamp with time zone",
            ("timestamp with time zone",),
            1,
            _DECIMALS,
        ),
        KnownType("interval", Family.INTERVAL, modifiers=1, modifier_range=_DECIMALS),
        KnownType("uuid", Family.UUID),
        KnownType("json", Family.JSON),
        KnownType("jsonb", Family.JSON),
        KnownType("bytea", Family.BYTES),
        KnownType("inet", Family.NETWORK),
        KnownType("cidr", Family.NETWORK),
        KnownType("macaddr", Family.NETWORK),
    )
}

_BY_ANY_NAME = {name: known for known in KNOWN_TYPES.values() for name in (known.name, *known.aliases)}

_TYPE = re.compile(
    r"""
    (?P<name>[a-z][a-z0-9_]*(?:\ [a-z]+)*)
    (?:\ ?\(\ ?(?P<first>[0-9]{1,9})\ ?(?:,\ ?(?P<second>-?[0-9]{1,9})\ ?)?\))?
    (?P<rest>\ (?:with|without)\ time\ zone)?
    (?P<array>\ ?\[\])?
    """,
    re.VERBOSE | re.ASCII,
)


_LONGEST_REMEMBERED = 64  # characters: longer than any spelling of a type without needless spaces


# Of a char whose length is not given, as SQL has it.
CHAR_LENGTH = 1


@dataclass(frozen=True, slots=True)
class FieldType:
    """A type as it was understood: one of KNOWN_TYPES, with its modifiers, perhaps as an array."""

    known: KnownType
    modifiers: tuple[int, ...] = ()
    is_array: bool = False
    # Written once: each is read several times for each field of each request.
    _sql: str = field(init=False, repr=False, compare=False)
    _catalog_name: str = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        known, modifiers = self.known, self.modifiers
        name = known.serial_of or known.name
        object.__setattr__(self, "_sql", self._written(known.sql_name or name, modifiers))
        if known.name == "char":
            modifiers = modifiers or (CHAR_LENGTH,)
        elif known.name == "numeric" and len(modifiers) == 1:
            modifiers = (*modifiers, 0)
        object.__setattr__(self, "_catalog_name", self._written(known.catalog_name or name, modifiers))

    @property
    def is_serial(self) -> bool:
        """Whether it stands for an integer that numbers itself."""
        return bool(self.known.serial_of)

    @property
    def most_characters(self) -> int | None:
        """Of a type of text, how many it keeps; None: any number."""
        if self.known.name == "char" and not self.modifiers:
            return CHAR_LENGTH
        return self.modifiers[0] if self.modifiers else None

    def __str__(self) -> str:
        """The type as schemad writes it in SQL, such as varchar(255); serials as their integer type."""
        return self._sql

    @property
    def catalog_name(self) -> str:
        """The type as PostgreSQL's format_type() writes it, such as character varying(255)."""
        return self._catalog_name

    def _written(self, name: str, modifiers: tuple[int, ...]) -> str:
        listed = f"({','.join(map(str, modifiers))})" if modifiers else ""
        first, *rest = name.split(" ", 1) if self.known.family in _CLOCKS else [name]
        return " ".join([first + listed, *rest]) + ("[]" if self.is_array else "")


def read_type(
    given: str, *, field: str, further: Mapping[str, KnownType] = MappingProxyType({})
) -> FieldType | Finding:
    """Reads a type from a request.

    Args:
        given: The type as the request has it, in any case and spacing.
        field: The field to name in a finding.
        further: Types that the policy knows beyond KNOWN_TYPES, by name.
    """
    if len(given) <= _LONGEST_REMEMBERED and (built_in := _read_built_in(given)):
        return built_in
    return _read(given, field, further)


@lru_cache(maxsize=1024)
def _read_built_in(given: str) -> FieldType | None:
    """A type of KNOWN_TYPES; None where it is none. Remembered: nearly every field has one of a few spellings."""
    read = _read(given, "", {})
    return read if isinstance(read, FieldType) else None


def _read(given: str, field: str, further: Mapping[str, KnownType]) -> FieldType | Finding:
    shown = f'"{shorten(given)}"'
    # SQL's white space only: str.split() would take a no-break space for one.
    match = _TYPE.fullmatch(re.sub(r"[ \t\r\n]+", " ", given).strip(" ").lower())
    if match is None:
        return TYPE_MALFORMED.finding(f"{shown} can't be read as a type", field=field)
    name = match["name"] + (match["rest"] or "")
    known = _BY_ANY_NAME.get(name) or further.get(name)
    if known is None:
        return TYPE_UNKNOWN.finding(f"{shown} is not a known type", field=field)
    if known.serial_of and match["array"]:
        return TYPE_MALFORMED.finding(f"{shown}: a serial can't be an array", field=field)

    modifiers = tuple(int(m) for m in (match["first"], match["second"]) if m is not None)
    ranges = (known.modifier_range, _SCALE)[: known.modifiers]
    if len(modifiers) > len(ranges):
        return TYPE_MODIFIER.finding(
            f"{shown} has {len(modifiers)} modifier{'s' * (len(modifiers) > 1)}; "
            f"{known.name} takes {len(ranges) or 'none'}",
            field=field,
        )
    for modifier, (least, most) in zip(modifiers, ranges, strict=False):
        if not least <= modifier <= most:
            return TYPE_MODIFIER.finding(f"{shown}: {modifier} is not in {least} to {most}", field=field)
    return FieldType(known, modifiers, match["array"] is not None)
