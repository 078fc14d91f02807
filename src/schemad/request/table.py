"""The table that a request asks for, as typed values: what the rest of schemad works on."""

from dataclasses import dataclass
from enum import StrEnum

from schemad.request.defaults import Default
from schemad.request.expressions import Expression
from schemad.request.types import FieldType


class Action(StrEnum):
    """What a request wants done."""

    ENSURE = "ensure"
    DEPRECATE = "deprecate"
    RESTORE = "restore"
    DROP = "drop"


class OnDelete(StrEnum):
    """What becomes of a row whose referenced row is deleted."""

    NO_ACTION = "no action"
    RESTRICT = "restrict"
    CASCADE = "cascade"
    SET_NULL = "set null"
    SET_DEFAULT = "set default"


class IndexMethod(StrEnum):
    """PostgreSQL's built-in index access methods."""

    BTREE = "btree"
    HASH = "hash"
    GIN = "gin"
    GIST = "gist"
    BRIN = "brin"


@dataclass(frozen=True, slots=True)
class Reference:
    """A foreign key of one field."""

    table: str
    field: str
    on_delete: OnDelete


@dataclass(frozen=True, slots=True)
class Field:
    """One field. `nullable` is what the table shall have, keys taken into account."""

    name: str
    type: FieldType
    nullable: bool = True
    default: Default | None = None
    unique: bool = False
    description: str | None = None
    references: Reference | None = None
    # Its place in the payload's fields; None for the id that schemad adds by itself, which nobody may set.
    position: int | None = None

    @property
    def always_generated(self) -> bool:
        """Whether it is the id that schemad adds by itself."""
        return self.position is None


@dataclass(frozen=True, slots=True)
class Index:
    """An index over fields."""

    fields: tuple[str, ...]
    unique: bool = False
    method: IndexMethod = IndexMethod.BTREE


@dataclass(frozen=True, slots=True)
class TableRequest:
    """What one request asks for.

    Attributes:
        name: The table, folded.
        action: ensure, or what to do with the table as it is.
        description: What the table is for; becomes its comment.
        fields: In the order asked for; with the id that schemad adds where there is no key.
        primary_key: Fields of the key, possibly none.
        key_was_given: Whether the request itself named the key, an empty one included.
        unique: Groups of fields, each unique together.
        checks: Conditions on rows, canonical.
        indexes: Further indexes.
    """

    name: str
    action: Action = Action.ENSURE
    description: str | None = None
    fields: tuple[Field, ...] = ()
    primary_key: tuple[str, ...] = ()
    key_was_given: bool = False
    unique: tuple[tuple[str, ...], ...] = ()
    checks: tuple[Expression, ...] = ()
    indexes: tuple[Index, ...] = ()

    @property
    def index_count(self) -> int:
        """How many indexes the table would have, those behind its keys included."""
        keys = bool(self.primary_key) + len(self.unique) + sum(f.unique for f in self.fields)
        return keys + len(self.indexes)
