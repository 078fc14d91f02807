"""Errors in words: what happened, and what to do, for the person at the command line."""

import re

import asyncpg

from schemad.store.connect import LINK_ERRORS, NotAServer, connection_help
from schemad.store.migrate import ChangedMigration, SchemaMismatch
from schemad.store.place import AnotherDatabase

# How the detail of an error at submit begins.
_RULE_OF_SHAPE = re.compile(r"Rule \S+, request for table ")
# What schemad's functions raise for a value that can't be: data exceptions, NULL, a constraint's refusal, a name.
_WRONG_VALUE = ("22", "23502", "23514", "42602")
# How PostgreSQL says, in any language, that an error was raised by a function's own RAISE.
_RAISED = "exec_stmt_raise"
# A limit that was reached, and a key that was used: the request itself is sound.
_OF_THE_MOMENT = frozenset({"53400", "23505"})
_DECIDES = frozenset({"approve_request", "reject_request"})
_CHANGES_POLICY = frozenset(
    {"set_policy", "allow_type", "disallow_type", "protect_table", "unprotect_table", "set_rule_severity"}
)


def explain(error: BaseException) -> str | None:
    """An error of the database or the link to it, in words; None where it is neither, but a defect."""
    match error:
        case SchemaMismatch() | ChangedMigration() | NotAServer() | AnotherDatabase():
            return str(error)
        case asyncpg.UndefinedTableError() | asyncpg.UndefinedFunctionError() | asyncpg.InvalidSchemaNameError():
            return f"{error}\nhint: is schemad installed in this database? `schemad migrate` installs it"
        case asyncpg.InvalidCatalogNameError() | asyncpg.InvalidAuthorizationSpecificationError():
            return connection_help(error)
        case asyncpg.InsufficientPrivilegeError() if not error.hint:
            return f"{error}\nhint: {_who_may(str(error))}"
        case asyncpg.PostgresError():
            parts = [str(error.args[0] if error.args else error)]
            parts += [f"{label}: {text}" for label, text in _extras(error) if text]
            return "\n".join(parts)
        case OSError() if error.filename is not None:
            return None  # of a file: no link has a name
        case _ if isinstance(error, (*LINK_ERRORS, asyncpg.ClientConfigurationError)):
            return connection_help(error)
        case _:
            return None


def is_bad_input(error: BaseException) -> bool:
    """Whether what was given is wrong: how the database is named, a value, or a request's shape."""
    if isinstance(error, asyncpg.PostgresError):
        detail = getattr(error, "detail", None) or ""
        is_shape = bool(_RULE_OF_SHAPE.match(detail)) and error.sqlstate not in _OF_THE_MOMENT
        is_raised = getattr(error, "server_source_function", None) == _RAISED
        # The driver's own, of a value that it can't send, such as text that is no UTF-8.
        is_unsent = isinstance(error, asyncpg.DataError) and getattr(error, "server_source_function", None) is None
        return is_shape or is_unsent or (is_raised and (error.sqlstate or "").startswith(_WRONG_VALUE))
    return isinstance(error, asyncpg.ClientConfigurationError)


def _who_may(denied: str) -> str:
    """Whose privilege it is that PostgreSQL denied, and what gives it."""
    function = denied.removeprefix("permission denied for function ")
    if function in _DECIDES:
        return "GRANT schemad_reviewer TO this login lets it decide"
    if function in _CHANGES_POLICY:
        return "the policy is changed by the owner of the schema schemad: the login that migrated"
    # Of the schema whoever has one of the roles has the use.
    none = "this login has none of the roles: " if denied.endswith("for schema schemad") else ""
    return (
        f"{none}GRANT schemad_requester lets it ask, schemad_reviewer decide, schemad_daemon run the daemon; "
        "migrating is for the owner of the database, changing the policy for the schema's"
    )


def _extras(error: asyncpg.PostgresError) -> list[tuple[str, str | None]]:
    return [
        ("detail", getattr(error, "detail", None)),
        ("hint", getattr(error, "hint", None)),
        ("sqlstate", error.sqlstate),
    ]
