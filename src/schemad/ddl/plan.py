"""The plan: the ordered statements that make what was asked for, and what the registry will say of it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

from schemad.ddl.statements import (
    AddColumn,
    AddConstraint,
    Check,
    Comment,
    Constraint,
    CreateIndex,
    CreateTable,
    DropTable,
    ForeignKey,
    Grant,
    Guard,
    PrimaryKey,
    RequireEmpty,
    RequireNoType,
    SetDefault,
    Statement,
    TableName,
    Trial,
    Unique,
)
from schemad.policy.difference import (
    Difference,
    all_uniques,
    check_name,
    index_names,
    reference_name,
    unique_names,
)
from schemad.policy.expressions import is_volatile, needs_review
from schemad.policy.facts import TableFacts
from schemad.policy.policy import Policy
from schemad.request.defaults import Default
from schemad.request.expressions import Expression
from schemad.request.names import derived_names
from schemad.request.table import Action, Field, TableRequest


class Operation(StrEnum):
    """What a plan does, as `schema_versions.operation` keeps it."""

    CREATE_TABLE = "create_table"
    ADD_FIELDS = "add_fields"
    DEPRECATE = "deprecate"
    RESTORE = "restore"
    DROP_TABLE = "drop_table"
    NO_CHANGE = "no_change"


@dataclass(frozen=True, slots=True)
class Plan:
    """What would be done for a request.

    Attributes:
        operation: What it does.
        table: The table it does that to.
        statements: In the order in which they run; none where only the registry changes.
        added: Fields that are new with it.
        primary_key: The key that the table has once it is created; None where it is not created.
        expected_version: Version of the registry that it was made for; None: not registered.
        guards: What has to hold when it runs, and may not any more since the facts were read.
    """

    operation: Operation
    table: TableName
    statements: tuple[Statement, ...]
    added: tuple[Field, ...]
    primary_key: tuple[str, ...] | None
    expected_version: int | None
    guards: tuple[Guard, ...] = ()

    @property
    def expressions(self) -> tuple[Expression, ...]:
        """The expressions that it has PostgreSQL evaluate, sooner or later: new checks and defaults."""
        defaults = [field.default for field in self.added]
        return (
            *(made.condition for made in self._constraints if isinstance(made, Check)),
            *(default for default in defaults if isinstance(default, Expression)),
        )

    @property
    def uses_others_types(self) -> bool:
        """Whether a new field has a type that is not PostgreSQL's own: its checks and input functions run."""
        return any(field.type.known.sql_name for field in self.added)

    @property
    def uses_unlisted_code(self) -> bool:
        """Whether an expression has what only a person lets through: it may be, or run, somebody's code."""
        return any(needs_review(e, e.columns) for e in self.expressions)

    @property
    def foreign_keys(self) -> tuple[str, ...]:
        """The names of the foreign keys that it makes."""
        return tuple(made.name for made in self._constraints if isinstance(made, ForeignKey))

    @property
    def _constraints(self) -> list[Constraint]:
        created = [c for s in self.statements if isinstance(s, CreateTable) for c in s.constraints]
        return created + [s.constraint for s in self.statements if isinstance(s, AddConstraint)]

    @property
    def trials(self) -> tuple[Trial, ...]:
        """What tries the new defaults once they are there: CREATE TABLE takes some that no insert could use.

        One is 99999 for a smallint. The server tries what only it can judge: whether the value fits the type.
        """
        return tuple(
            Trial(field, field.default)
            for field in self.added
            if field.default is not None
            and (field.type.known.sql_name != "" or _only_makes_a_value(field.default))
        )

    @property
    def summary(self) -> str:
        """What it does, in a sentence's end: `created public.notes with 3 fields`."""
        fields = f"{len(self.added)} {'field' if len(self.added) == 1 else 'fields'}"
        match self.operation:
            case Operation.CREATE_TABLE:
                return f"created {self.table} with {fields}"
            case Operation.ADD_FIELDS if self.added:
                return f"added {fields} to {self.table}"
            case Operation.ADD_FIELDS:
                return f"added keys or indexes to {self.table}"
            case Operation.DEPRECATE:
                return f"deprecated {self.table}"
            case Operation.RESTORE:
                return f"restored {self.table}"
            case Operation.DROP_TABLE:
                return f"dropped {self.table}"
            case Operation.NO_CHANGE:
                return f"{self.table} has all of it already"


def make_plan(
    request: TableRequest,
    policy: Policy,
    facts: TableFacts,
    lacking: Difference | None,
    requested_by: str | None,
) -> Plan:
    """Plans a request.

    Args:
        request: What is asked for.
        policy: Where tables go and who gets which privileges.
        facts: What the database holds under the name.
        lacking: What the table lacks, where it exists.
        requested_by: Database role that gets the privileges; None: no GRANT.
    """
    table = TableName(policy.table_schema, request.name)
    added: tuple[Field, ...] = ()
    statements: tuple[Statement, ...] = ()
    match request.action:
        case Action.DEPRECATE:
            operation = Operation.DEPRECATE
        case Action.RESTORE:
            operation = Operation.RESTORE
        case Action.DROP:
            operation = Operation.DROP_TABLE
            statements = (DropTable(table),) if facts.relation else ()
        case Action.ENSURE if lacking is None:
            operation, added = Operation.CREATE_TABLE, request.fields
            statements = tuple(_creation(table, request, policy, facts, requested_by))
        case Action.ENSURE:
            operation, added = Operation.ADD_FIELDS, lacking.fields
            statements = tuple(_change(table, lacking, facts))
            if not statements:
                operation = Operation.NO_CHANGE
    primary_key = request.primary_key if operation is Operation.CREATE_TABLE else None
    return Plan(
        operation, table, statements, added, primary_key, facts.version, tuple(_guards(operation, table, facts))
    )


def _guards(operation: Operation, table: TableName, facts: TableFacts) -> Iterator[Guard]:
    if operation is Operation.ADD_FIELDS and facts.is_empty:
        yield RequireEmpty(table)
    elif operation is Operation.CREATE_TABLE and table.name.startswith("_"):  # as all array types are called
        yield RequireNoType(table)


def _only_makes_a_value(default: Default) -> bool:
    """Whether it is such an expression; setval(…) was approved for inserts, not for now."""
    return isinstance(default, Expression) and not needs_review(default, frozenset())


def _creation(
    table: TableName, request: TableRequest, policy: Policy, facts: TableFacts, requested_by: str | None
) -> Iterator[Statement]:
    yield CreateTable(table, request.fields, tuple(_constraints(request, facts)))
    for index in request.indexes:
        yield CreateIndex(table, facts.free_name(index_names(table.name, index)), index)
    if request.description:
        yield Comment(table, None, request.description)
    yield from _comments(table, request.fields)
    if requested_by is not None and policy.grant_to_requester:
        yield Grant(table, policy.grant_to_requester, requested_by)


def _constraints(request: TableRequest, facts: TableFacts) -> Iterator[Constraint]:
    name = request.name
    if request.primary_key:
        yield PrimaryKey(facts.free_name(derived_names(name, kind="pkey")), request.primary_key)
    for fields in all_uniques(request):
        yield Unique(facts.free_name(unique_names(name, fields)), fields)
    for check in request.checks:
        yield Check(check_name(name, check), check)
    for field in request.fields:
        if field.references:
            yield ForeignKey(reference_name(name, field.name), field.name, field.references)


def _change(table: TableName, lacking: Difference, facts: TableFacts) -> Iterator[Statement]:
    for field in lacking.fields:
        default = field.default
        # A volatile default would rewrite the table to give each row its own value: it is for rows to come.
        if default and is_volatile(default) and field.nullable and not facts.is_empty:
            yield AddColumn(table, replace(field, default=None))
            yield SetDefault(table, field.name, default)
        else:
            yield AddColumn(table, field)
    for fields in lacking.uniques:
        yield AddConstraint(table, Unique(facts.free_name(unique_names(table.name, fields)), fields))
    for check in lacking.checks:
        yield AddConstraint(table, Check(check_name(table.name, check), check))
    for field in lacking.references:
        if field.references:
            name = reference_name(table.name, field.name)
            yield AddConstraint(table, ForeignKey(name, field.name, field.references))
    for index in lacking.indexes:
        yield CreateIndex(table, facts.free_name(index_names(table.name, index)), index)
    yield from _comments(table, lacking.fields)


def _comments(table: TableName, fields: tuple[Field, ...]) -> Iterator[Statement]:
    for field in fields:
        if field.description:
            yield Comment(table, field.name, field.description)
