"""Facts: what the database already holds under the name that a request asks for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

# pg_class.relkind, in words.
RELATION_KINDS = {
    "r": "table",
    "p": "partitioned table",
    "v": "view",
    "m": "materialized view",
    "i": "index",
    "I": "partitioned index",
    "S": "sequence",
    "f": "foreign table",
    "c": "composite type",
    "t": "TOAST table",
}


@dataclass(frozen=True, slots=True)
class Column:
    """A column as the catalog has it; `type` as format_type() writes it."""

    name: str
    type: str
    nullable: bool


@dataclass(frozen=True, slots=True)
class RegisteredField:
    """A field as the registry has it; type and default as schemad wrote them."""

    name: str
    type: str
    nullable: bool
    default: str | None = None


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What there is under one name. The default: nothing.

    Attributes:
        relation: pg_class.relkind of the relation of that name.
        has_type: Whether a type of that name exists that is no table's row type.
        is_empty: Whether it is a table without a single page, so that any change of it is cheap.
        version: The registry's version; None where schemad knows no such table.
        is_active: False once deprecated.
        owner_role: Database role that asked for it.
        columns: The live columns of a registered table.
        fields: Its fields in the registry.
        primary_key: Fields of its primary key.
        derived: Names of its constraints and indexes.
    """

    relation: str | None = None
    has_type: bool = False
    is_empty: bool = True
    version: int | None = None
    is_active: bool = True
    owner_role: str | None = None
    columns: tuple[Column, ...] = ()
    fields: tuple[RegisteredField, ...] = ()
    primary_key: tuple[str, ...] = ()
    derived: frozenset[str] = frozenset()

    @property
    def is_registered(self) -> bool:
        """Whether the registry has it."""
        return self.version is not None

    @property
    def exists(self) -> bool:
        """Whether it is a registered table that is really there."""
        return self.is_registered and self.relation == "r"

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "TableFacts":
        """The facts from what `schemad.table_facts()` returns."""
        return cls(
            relation=row.get("relation"),
            has_type="type" in row,
            is_empty=row.get("is_empty", True),
            version=row.get("version"),
            is_active=row.get("is_active", True),
            owner_role=row.get("owner_role"),
            columns=tuple(Column(**column) for column in row.get("columns", ())),
            fields=tuple(RegisteredField(**field) for field in row.get("fields", ())),
            primary_key=tuple(row.get("primary_key", ())),
            derived=frozenset(row.get("derived", ())),
        )
