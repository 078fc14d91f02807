"""Statements as values: everything that schemad ever runs on somebody's table is one of these."""

from dataclasses import dataclass

from schemad.request.defaults import Default
from schemad.request.expressions import Expression
from schemad.request.table import Field, Index, Reference


@dataclass(frozen=True, slots=True)
class TableName:
    """A table, with its database schema."""

    schema: str
    name: str

    def __str__(self) -> str:
        return f"{self.schema}.{self.name}"


@dataclass(frozen=True, slots=True)
class PrimaryKey:
    """A primary key over fields."""

    name: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Unique:
    """A unique constraint over fields."""

    name: str
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Check:
    """A check of each row."""

    name: str
    condition: Expression


@dataclass(frozen=True, slots=True)
class ForeignKey:
    """A foreign key of one field; the referenced table is in the same database schema."""

    name: str
    field: str
    references: Reference


Constraint = PrimaryKey | Unique | Check | ForeignKey


@dataclass(frozen=True, slots=True)
class CreateTable:
    """CREATE TABLE, with everything that belongs to it."""

    table: TableName
    fields: tuple[Field, ...]
    constraints: tuple[Constraint, ...]


@dataclass(frozen=True, slots=True)
class AddColumn:
    """ALTER TABLE … ADD COLUMN. Without its default where that is to hold for new rows only."""

    table: TableName
    field: Field


@dataclass(frozen=True, slots=True)
class SetDefault:
    """ALTER TABLE … SET DEFAULT: for rows to come."""

    table: TableName
    field: str
    default: Default


@dataclass(frozen=True, slots=True)
class AddConstraint:
    """ALTER TABLE … ADD CONSTRAINT."""

    table: TableName
    constraint: Constraint


@dataclass(frozen=True, slots=True)
class CreateIndex:
    """CREATE INDEX."""

    table: TableName
    name: str
    index: Index


@dataclass(frozen=True, slots=True)
class Comment:
    """COMMENT ON the table, or on one of its fields."""

    table: TableName
    field: str | None
    text: str


@dataclass(frozen=True, slots=True)
class Grant:
    """GRANT on the table. Privileges are from the policy."""

    table: TableName
    privileges: tuple[str, ...]
    role: str


@dataclass(frozen=True, slots=True)
class DropTable:
    """DROP TABLE … RESTRICT."""

    table: TableName


@dataclass(frozen=True, slots=True)
class Trial:
    """A block that makes the value of a default and drops it: an error if it is none of the field's type."""

    field: Field
    default: Default


@dataclass(frozen=True, slots=True)
class RequireEmpty:
    """A block that locks a table and raises, by an error that passes, where it is not empty any more."""

    table: TableName


@dataclass(frozen=True, slots=True)
class RequireNoType:
    """A block that raises, by an error that passes, where a type has the table's name.

    PostgreSQL makes room for a table by renaming the array type of another one, which may be of the same batch.
    """

    table: TableName


Guard = RequireEmpty | RequireNoType

Statement = (
    CreateTable
    | AddColumn
    | SetDefault
    | AddConstraint
    | CreateIndex
    | Comment
    | Grant
    | DropTable
    | Trial
    | RequireEmpty
    | RequireNoType
)
