"""Facts: what the database already holds under the name that a request asks for."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from schemad.request.table import OnDelete, Reference

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
    """A column as the catalog has it: `type` as format_type() writes it, and whether it is an identity."""

    name: str
    type: str
    nullable: bool
    numbers_itself: bool = False


@dataclass(frozen=True, slots=True)
class RegisteredField:
    """A field as the registry has it; type and default as schemad wrote them."""

    name: str
    type: str
    nullable: bool
    default: str | None = None


@dataclass(frozen=True, slots=True)
class ForeignKeyFacts:
    """A foreign key of a table: the field that it is of, and what that references."""

    of: str
    references: Reference

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "ForeignKeyFacts":
        """The facts from a value of `foreign_keys` in what `schemad.table_facts()` returns."""
        return cls(row["of"], Reference(row["table"], row["field"], OnDelete(row["on_delete"])))


@dataclass(frozen=True, slots=True)
class ReferenceFacts:
    """What there is of a table that a request references.

    Attributes:
        is_managed: Whether schemad made it, and it is there and not deprecated.
        owner_role: Database role that asked for it.
        bytes: Its size; None: schemad did not make it, or somebody holds it exclusively.
        keys: Fields that are a key by themselves.
    """

    is_managed: bool
    owner_role: str | None
    bytes: int | None
    keys: frozenset[str]

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "ReferenceFacts":
        """The facts from a value of what `schemad.reference_facts()` returns."""
        return cls(row["is_managed"], row["owner_role"], row["bytes"], frozenset(row["keys"]))


@dataclass(frozen=True, slots=True)
class Quota:
    """A quota of the policy, and what counts towards it.

    Attributes:
        setting: tables_per_day or tables_in_all.
        allowed: What the policy says.
        tables: How many the role has.
    """

    setting: str
    allowed: int
    tables: int


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What there is under one name. The default: nothing.

    Attributes:
        relation: pg_class.relkind of the relation of that name.
        has_type: Whether a type of that name exists that is no table's row type.
        is_locked: Whether somebody holds it, or a table that it is to reference, so that nobody can look at it.
        is_empty: Whether it is a table without a single page, so that any change of it is cheap.
        schema_id: Its id in the registry; None where schemad knows no such table.
        version: The registry's version of it.
        is_active: False once deprecated.
        owner_role: Database role that asked for it.
        columns: The live columns of a registered table.
        fields: Its fields in the registry.
        primary_key: Fields of its primary key.
        foreign_keys: Its foreign keys, by name.
        derived: Names of its constraints and indexes.
        taken: Names of relations that its keys and indexes might have got.
        is_crowded: Whether these are too many to be told.
        keys: Its fields that are a key by themselves.
        awaits_reference: Whether a referenced table is not there, but was asked for earlier and is queued.
        quotas_reached: The quotas that let the role have no further table by itself.
        references: The tables that the request references, by name; None: there is no such table.
    """

    relation: str | None = None
    has_type: bool = False
    is_locked: bool = False
    is_empty: bool = True
    schema_id: int | None = None
    version: int | None = None
    is_active: bool = True
    owner_role: str | None = None
    columns: tuple[Column, ...] = ()
    fields: tuple[RegisteredField, ...] = ()
    primary_key: tuple[str, ...] = ()
    foreign_keys: Mapping[str, ForeignKeyFacts] = field(default_factory=dict)
    derived: frozenset[str] = frozenset()
    taken: frozenset[str] = frozenset()
    is_crowded: bool = False
    keys: frozenset[str] = frozenset()
    awaits_reference: bool = False
    quotas_reached: tuple[Quota, ...] = ()
    references: Mapping[str, ReferenceFacts | None] = field(default_factory=dict)

    @property
    def is_registered(self) -> bool:
        """Whether the registry has it."""
        return self.version is not None

    @property
    def exists(self) -> bool:
        """Whether it is a registered table that is really there."""
        return self.is_registered and self.relation == "r"

    def free_name(self, names: Iterable[str]) -> str:
        """The first of some names that no relation has; the last one where all are taken."""
        name = ""
        # In a crowd any name may be taken; those with a hash hardly ever are.
        for name in islice(names, int(self.is_crowded), None):
            if name not in self.taken:
                break
        return name

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "TableFacts":
        """The facts from what `schemad.table_facts()` returns."""
        if not row:  # as most names are new
            return cls()
        return cls(
            relation=row.get("relation"),
            has_type="type" in row,
            is_locked=row.get("is_locked", False),
            is_empty=row.get("is_empty", True),
            schema_id=row.get("schema_id"),
            version=row.get("version"),
            is_active=row.get("is_active", True),
            owner_role=row.get("owner_role"),
            columns=tuple(Column(**column) for column in row.get("columns", ())),
            fields=tuple(RegisteredField(**known) for known in row.get("fields", ())),
            primary_key=tuple(row.get("primary_key", ())),
            foreign_keys={
                name: ForeignKeyFacts.from_row(key) for name, key in row.get("foreign_keys", {}).items()
            },
            derived=frozenset(row.get("derived", ())),
            taken=frozenset(row.get("taken", ())),
            is_crowded=row.get("is_crowded", False),
            keys=frozenset(row.get("keys", ())),
            awaits_reference=row.get("awaits_reference", False),
            quotas_reached=tuple(Quota(**quota) for quota in row.get("quotas_reached", ())),
            references={
                name: facts and ReferenceFacts.from_row(facts) for name, facts in row.get("references", {}).items()
            },
        )
