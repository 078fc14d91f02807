"""Rendering: the one place where SQL for somebody's table is written.

Whatever comes from a request arrives here as a typed value. Identifiers are always quoted, literals always
quoted, types and generators are written from schemad's own tables, expressions from what the grammar understood.
"""

from collections.abc import Iterable
from functools import singledispatch

from schemad.ddl.statements import (
    AddColumn,
    AddConstraint,
    Check,
    Comment,
    Constraint,
    CreateIndex,
    CreateTable,
    DropTable,
    Grant,
    PrimaryKey,
    RequireEmpty,
    RequireNoType,
    SetDefault,
    Statement,
    TableName,
    Trial,
    Unique,
)
from schemad.request.defaults import Default, Generator, Literal
from schemad.request.table import Field, IndexMethod

# What the policy may grant. Checked here as well, since privileges are keywords and can't be quoted.
_PRIVILEGES = frozenset({"SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER"})


def script(statements: Iterable[Statement]) -> str:
    """The statements as one script, each ended by a semicolon."""
    return "\n".join(f"{render(statement)};" for statement in statements)


def identifier(name: str) -> str:
    """A name, quoted."""
    if "\0" in name:
        raise ValueError("a name can't hold NUL")
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    """Text as a string literal. The same whether standard_conforming_strings is on or off."""
    if "\0" in text:
        raise ValueError("a literal can't hold NUL")
    quoted = "'" + text.replace("'", "''") + "'"
    return "E" + quoted.replace("\\", "\\\\") if "\\" in text else quoted


def default_sql(default: Default) -> str:
    """A default; expressions in parentheses, without which some are no syntax."""
    if isinstance(default, Literal):
        return literal(default.text)
    if isinstance(default, Generator):
        return default.sql
    return f"({default.sql})"


@singledispatch
def render(statement: Statement) -> str:
    """One statement as SQL, without a semicolon."""
    raise TypeError(f"not a statement: {statement!r}")


def _create_table(statement: CreateTable) -> str:
    parts = [_field(f) for f in statement.fields] + [
        _constraint(c, statement.table) for c in statement.constraints
    ]
    body = ",\n  ".join(parts)
    return f"CREATE TABLE {_table(statement.table)} (\n  {body}\n)"


def _add_column(statement: AddColumn) -> str:
    return f"ALTER TABLE {_table(statement.table)} ADD COLUMN {_field(statement.field)}"


def _set_default(statement: SetDefault) -> str:
    column = f"ALTER COLUMN {identifier(statement.field)}"
    return f"ALTER TABLE {_table(statement.table)} {column} SET DEFAULT {default_sql(statement.default)}"


def _add_constraint(statement: AddConstraint) -> str:
    return f"ALTER TABLE {_table(statement.table)} ADD {_constraint(statement.constraint, statement.table)}"


def _create_index(statement: CreateIndex) -> str:
    unique = "UNIQUE " if statement.index.unique else ""
    method = IndexMethod(statement.index.method).value
    return (
        f"CREATE {unique}INDEX {identifier(statement.name)} ON {_table(statement.table)} "
        f"USING {method} ({_list(statement.index.fields)})"
    )


def _comment(statement: Comment) -> str:
    if statement.field is None:
        subject = f"TABLE {_table(statement.table)}"
    else:
        subject = f"COLUMN {_table(statement.table)}.{identifier(statement.field)}"
    return f"COMMENT ON {subject} IS {literal(statement.text)}"


def _grant(statement: Grant) -> str:
    if unknown := set(statement.privileges) - _PRIVILEGES:
        raise ValueError(f"not a privilege on tables: {', '.join(sorted(unknown))}")
    privileges = ", ".join(statement.privileges)
    return f"GRANT {privileges} ON TABLE {_table(statement.table)} TO {identifier(statement.role)}"


def _drop_table(statement: DropTable) -> str:
    return f"DROP TABLE {_table(statement.table)} RESTRICT"


def _trial(statement: Trial) -> str:
    message = f"the default of {statement.field.name} is no value of its type: "
    block = (
        f"BEGIN DECLARE trial {statement.field.type} := {default_sql(statement.default)}; BEGIN END; "
        "EXCEPTION WHEN data_exception OR integrity_constraint_violation THEN "
        f"RAISE EXCEPTION USING ERRCODE = 'SD001', MESSAGE = {literal(message)} || SQLERRM; END"
    )
    return f"DO {literal(block)}"


def _require_empty(statement: RequireEmpty) -> str:
    table = _table(statement.table)
    message = literal(f"{statement.table} has rows by now: what was planned is for an empty table")
    block = (
        f"BEGIN LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; IF pg_relation_size({literal(table)}) > 0 THEN "
        f"RAISE EXCEPTION USING ERRCODE = 'serialization_failure', MESSAGE = {message}; END IF; END"
    )
    return f"DO {literal(block)}"


def _require_no_type(statement: RequireNoType) -> str:
    table = statement.table
    message = literal(f"{table} is already the name of a type")
    block = (
        f"BEGIN IF EXISTS (SELECT FROM pg_type AS t WHERE t.typname = {literal(table.name)} "
        f"AND t.typnamespace = {literal(identifier(table.schema))}::regnamespace) THEN "
        f"RAISE EXCEPTION USING ERRCODE = 'duplicate_table', MESSAGE = {message}; END IF; END"
    )
    return f"DO {literal(block)}"


# By name, not as decorators: a traceback tells which one it was, and `make quality` can mutate them.
render.register(CreateTable, _create_table)
render.register(AddColumn, _add_column)
render.register(SetDefault, _set_default)
render.register(AddConstraint, _add_constraint)
render.register(CreateIndex, _create_index)
render.register(Comment, _comment)
render.register(Grant, _grant)
render.register(DropTable, _drop_table)
render.register(Trial, _trial)
render.register(RequireEmpty, _require_empty)
render.register(RequireNoType, _require_no_type)


def _table(table: TableName) -> str:
    return f"{identifier(table.schema)}.{identifier(table.name)}"


def _list(names: Iterable[str]) -> str:
    return ", ".join(identifier(name) for name in names)


def _field(field: Field) -> str:
    parts = [identifier(field.name), str(field.type)]
    if not field.nullable:
        parts.append("NOT NULL")
    if field.type.is_serial:
        parts.append(f"GENERATED {'ALWAYS' if field.always_generated else 'BY DEFAULT'} AS IDENTITY")
    elif field.default is not None:
        parts.append(f"DEFAULT {default_sql(field.default)}")
    return " ".join(parts)


def _constraint(constraint: Constraint, table: TableName) -> str:
    head = f"CONSTRAINT {identifier(constraint.name)}"
    if isinstance(constraint, PrimaryKey):
        return f"{head} PRIMARY KEY ({_list(constraint.fields)})"
    if isinstance(constraint, Unique):
        return f"{head} UNIQUE ({_list(constraint.fields)})"
    if isinstance(constraint, Check):
        return f"{head} CHECK ({constraint.condition.sql})"
    target = constraint.references
    other = _table(TableName(table.schema, target.table))
    return (
        f"{head} FOREIGN KEY ({identifier(constraint.field)}) REFERENCES {other} "
        f"({identifier(target.field)}) ON DELETE {target.on_delete.value.upper()}"
    )
