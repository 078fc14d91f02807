"""The difference between what a request asks for and what a registered table has."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from schemad.policy.facts import Column, TableFacts
from schemad.request.expressions import Expression
from schemad.request.names import derived_name, derived_names
from schemad.request.table import Field, Index, TableRequest


@dataclass(frozen=True, slots=True)
class Difference:
    """What the table lacks, and what it has otherwise than asked.

    Attributes:
        fields: Fields to add.
        uniques: Groups of fields to make unique, those of single fields included.
        indexes: Indexes to add.
        checks: Checks to add.
        references: Fields that lack their foreign key.
        conflicts: Field (or None) and what is different, in a sentence: nothing that schemad would change.
    """

    fields: tuple[Field, ...] = ()
    uniques: tuple[tuple[str, ...], ...] = ()
    indexes: tuple[Index, ...] = ()
    checks: tuple[Expression, ...] = ()
    references: tuple[Field, ...] = ()
    conflicts: tuple[tuple[str | None, str], ...] = ()


def unique_names(table: str, fields: tuple[str, ...]) -> Iterator[str]:
    """The names that the constraint that makes `fields` unique together may have, the first choice first."""
    return derived_names(table, *fields, kind="key")


def index_names(table: str, index: Index) -> Iterator[str]:
    """The names that an index may have, the first choice first.

    Its method and uniqueness are part of them, as two may be over the same fields.
    """
    method = () if index.method == "btree" else (index.method.value,)
    unique = ("unique",) if index.unique else ()
    return derived_names(table, *index.fields, *method, *unique, kind="idx")


def check_name(table: str, check: Expression) -> str:
    """The name of a check: its text is what tells it from the others."""
    return derived_name(table, check.digest, kind="check")


def reference_name(table: str, field: str) -> str:
    """The name of the foreign key of a field."""
    return derived_name(table, field, kind="fkey")


def all_uniques(request: TableRequest) -> tuple[tuple[str, ...], ...]:
    """The groups of fields that shall be unique, each once: of single fields first, then of several."""
    single = [(f.name,) for f in request.fields if f.unique]
    return tuple(dict.fromkeys([*single, *request.unique]))


def difference(request: TableRequest, facts: TableFacts, defaults: Mapping[str, str]) -> Difference:
    """What a registered table lacks of a request.

    A request with only some of the table's fields is complete: it says what should be there, not what else may.

    Args:
        request: What is asked for.
        facts: What there is.
        defaults: The defaults asked for as SQL, by field: the registry keeps them so.
    """
    columns = {c.name: c for c in facts.columns}
    registered = {f.name: f for f in facts.fields}
    missing = [f for f in request.fields if f.name not in columns and not f.always_generated]
    conflicts: list[tuple[str | None, str]] = []
    for field in request.fields:
        column, known = columns.get(field.name), registered.get(field.name)
        if column and not field.always_generated:
            conflicts += ((field.name, what) for what in _of_column(field, column))
            if known and known.default != defaults.get(field.name, known.default):
                has = "no default" if known.default is None else f"the default {known.default}"
                conflicts.append((field.name, f"it has {has}"))
        conflicts += ((field.name, what) for what in _of_reference(field, request.name, facts))
    # A new field that is the key names it as well.
    names_key = request.key_was_given or any(field.name in request.primary_key for field in missing)
    if names_key and request.primary_key != facts.primary_key:
        conflicts.append((None, f"its primary key is ({', '.join(facts.primary_key)})"))

    name = request.name
    return Difference(
        fields=tuple(missing),
        uniques=tuple(u for u in all_uniques(request) if facts.derived.isdisjoint(unique_names(name, u))),
        indexes=tuple(i for i in request.indexes if facts.derived.isdisjoint(index_names(name, i))),
        checks=tuple(c for c in request.checks if check_name(name, c) not in facts.derived),
        references=tuple(
            f for f in request.fields if f.references and reference_name(name, f.name) not in facts.derived
        ),
        conflicts=tuple(conflicts),
    )


def _of_column(field: Field, column: Column) -> Iterator[str]:
    """What a column has otherwise than asked."""
    if column.type != field.type.catalog_name:
        yield f"it is {column.type}, not {field.type.catalog_name}"
    if column.nullable != field.nullable:
        yield f"it is {'' if column.nullable else 'not '}nullable"
    if field.type.is_serial and not column.numbers_itself:
        yield "it does not number itself"


def _of_reference(field: Field, table: str, facts: TableFacts) -> Iterator[str]:
    """What a foreign key has otherwise than asked, that is there under its name."""
    if not field.references:
        return
    constraint = reference_name(table, field.name)
    if constraint in facts.derived:
        key = facts.foreign_keys.get(constraint)
        if key is None:
            yield f"its {constraint} is no foreign key"
        elif key.of != field.name:
            yield f"its {constraint} is of field {key.of}"
        elif key.references != field.references:
            to = key.references
            yield f"it references {to.table}.{to.field}, on delete {to.on_delete}"
