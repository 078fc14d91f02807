"""The rules of the policy, and the catalogue of all rules, those of a request's shape included."""

from collections.abc import Mapping

from schemad.policy import database_rules as of_database
from schemad.policy import expressions as allowance
from schemad.request import defaults, expressions, names, payload, shape, types
from schemad.request.finding import Rule, Severity

NAME_PROTECTED = Rule(
    "name.protected",
    Severity.REFUSE,
    "Whether the table's name is on the list of protected tables.",
    "Choose another name. SELECT * FROM schemad.protected_tables lists them.",
)
TABLE_TAKEN = Rule(
    "table.taken",
    Severity.REFUSE,
    "Whether something that schemad did not make has the name: tables, views, indexes, sequences and types "
    "share their names.",
    "Choose another name.",
)
TABLE_UNKNOWN = Rule(
    "table.unknown",
    Severity.REFUSE,
    "Whether the table to deprecate, restore or drop is one that schemad made.",
    "SELECT name FROM schemad.schema_registry lists them.",
)
TABLE_MISSING = Rule(
    "table.missing",
    Severity.REVIEW,
    "A table that the registry has and the database lacks: somebody dropped it by hand.",
    "Approve to have it made again, empty, as a table of the role that asks.",
    adjustable=True,
)
TABLE_ANOTHER_ROLE = Rule(
    "table.another_role",
    Severity.REVIEW,
    "Changes of a table that another database role asked for.",
    "A reviewer decides whether the roles share the table.",
)
TABLE_DEPRECATED = Rule(
    "table.deprecated",
    Severity.REFUSE,
    "New fields on a deprecated table.",
    'Restore it first: {"action": "restore"}.',
)
TABLE_DROP = Rule(
    "table.drop",
    Severity.REVIEW,
    "Dropping a table, which can't be undone.",
    'Deprecate it instead: {"action": "deprecate"}.',
)
TYPE_NOT_SAFE = Rule(
    "type.not_safe",
    Severity.REVIEW,
    "Whether the policy lets the type through by itself.",
    "SELECT name FROM schemad.safe_types WHERE auto AND NOT refused lists those that need no review.",
    adjustable=True,
)
TYPE_PADDED = Rule(
    "type.padded",
    Severity.WARN,
    "char(n), which pads its values with spaces.",
    "varchar(n) or text keep values as they are.",
    adjustable=True,
)
FIELD_CONFLICT = Rule(
    "field.conflict",
    Severity.REFUSE,
    "Fields that the table has otherwise than asked: type changes and the like rewrite tables and break clients.",
    "Ask for it as it is, or for a new field beside it.",
)
FIELD_NOT_NULL = Rule(
    "field.not_null",
    Severity.REFUSE,
    "New NOT NULL fields without a default that existing rows could have.",
    "Make it nullable, or give it a constant default.",
)
FIELD_REWRITE = Rule(
    "field.rewrite",
    Severity.REVIEW,
    "New fields of which each existing row needs its own value, or has to pass a domain's check: the table is "
    "rewritten under an exclusive lock. A type that the policy added may be such a domain.",
    "A nullable field of a built-in type, or a constant default.",
    adjustable=True,
)
KEY_ON_FILLED_TABLE = Rule(
    "key.on_filled_table",
    Severity.REVIEW,
    "New keys, checks and indexes on a table with rows: building them blocks its writers.",
    "Approve at a quiet hour, or build it CONCURRENTLY by hand.",
    adjustable=True,
)
REFERENCE_PROTECTED = Rule(
    "reference.protected",
    Severity.REVIEW,
    "Foreign keys to protected tables: each write of either table then looks at the other.",
    "Keep the value without a foreign key, or have a reviewer agree.",
)
REFERENCE_MISSING = Rule(
    "reference.missing",
    Severity.REFUSE,
    "Whether the referenced table is there.",
    "Ask for the referenced table first, then retry this request.",
)
REFERENCE_UNMANAGED = Rule(
    "reference.unmanaged",
    Severity.REVIEW,
    "Foreign keys to tables that schemad did not make.",
    "Keep the value without a foreign key, or have a reviewer agree.",
    adjustable=True,
)
REFERENCE_ANOTHER_ROLE = Rule(
    "reference.another_role",
    Severity.REVIEW,
    "Foreign keys to a table that another database role asked for: they tell which keys it has, and keep its "
    "rows from being deleted.",
    "A reviewer decides whether the roles share the table.",
)
REFERENCE_LARGE = Rule(
    "reference.large",
    Severity.REVIEW,
    "The size of a referenced table, against the policy's max_referenced_bytes: the key locks its writers out.",
    "Approve at a quiet hour.",
    adjustable=True,
)
REFERENCE_NO_KEY = Rule(
    "reference.no_key",
    Severity.REFUSE,
    "Whether the referenced field is a key of its table by itself.",
    "Reference the primary key, or a unique field.",
)
LIMIT_FIELDS = Rule(
    "limit.fields",
    Severity.REVIEW,
    "The number of fields, against the policy's max_fields.",
    "Fewer fields, or a jsonb field for what is rarely there.",
    adjustable=True,
)
LIMIT_INDEXES = Rule(
    "limit.indexes",
    Severity.REVIEW,
    "The number of indexes, keys included, against the policy's max_indexes.",
    "Fewer indexes: each one costs every write.",
    adjustable=True,
)
LIMIT_TABLES = Rule(
    "limit.tables",
    Severity.REVIEW,
    "The tables that the role has, and those made for it in 24 hours, against tables_in_all and tables_per_day.",
    "Ask again tomorrow (schemad.retry_request), or have a reviewer agree.",
)
AUTO_CREATE_OFF = Rule(
    "policy.auto_create_off",
    Severity.REVIEW,
    "Whether this daemon may create anything by itself.",
    "Approve it, or set SCHEMAD_ENABLE_AUTO_CREATE=true for the daemon and retry.",
)
APPROVAL_STALE = Rule(
    "approval.stale",
    Severity.REVIEW,
    "Whether the SQL is still the one that was approved.",
    "Read the new plan_sql and approve again.",
)


def _rules_in(*names: Mapping[str, object]) -> dict[str, Rule]:
    """Those among the names of some modules, by their ids, sorted."""
    found = {value.id: value for each in names for value in each.values() if isinstance(value, Rule)}
    return dict(sorted(found.items()))


def core_rules() -> dict[str, Rule]:
    """The rules that findings are made by, by their ids, sorted."""
    modules = (names, types, defaults, expressions, shape, payload, allowance)
    return _rules_in(*map(vars, modules), globals())


def database_rules() -> dict[str, Rule]:
    """The rules that only the database tells, by their ids, sorted."""
    return _rules_in(vars(of_database))


def all_rules() -> dict[str, Rule]:
    """Every rule by its id, sorted; those that only the database tells included."""
    return dict(sorted((core_rules() | database_rules()).items()))
