"""Errors in words: what happened, and what to do, for the person at the command line."""

import asyncpg

from schemad.store.connect import LINK_ERRORS, NotAServer, connection_help
from schemad.store.migrate import ChangedMigration, SchemaMismatch


def explain(error: BaseException) -> str | None:
    """An error of the database or the link to it, in words; None where it is neither, but a defect."""
    match error:
        case SchemaMismatch() | ChangedMigration() | NotAServer():
            return str(error)
        case asyncpg.UndefinedTableError() | asyncpg.UndefinedFunctionError() | asyncpg.InvalidSchemaNameError():
            return f"{error}\nhint: is schemad installed in this database? `schemad migrate` installs it"
        case asyncpg.InvalidCatalogNameError() | asyncpg.InvalidAuthorizationSpecificationError():
            return connection_help(error)
        case asyncpg.InsufficientPrivilegeError() if not error.hint:
            return (
                f"{error}\nhint: asking takes the role schemad_requester, deciding schemad_reviewer, the daemon "
                "schemad_daemon; migrating is for the owner of the database, changing the policy for the schema's"
            )
        case asyncpg.PostgresError():
            parts = [str(error.args[0] if error.args else error)]
            parts += [f"{label}: {text}" for label, text in _extras(error) if text]
            return "\n".join(parts)
        case _ if isinstance(error, (*LINK_ERRORS, asyncpg.ClientConfigurationError)):
            return connection_help(error)
        case _:
            return None


def is_bad_input(error: BaseException) -> bool:
    """Whether it is about how the database is named, which nobody was asked for yet."""
    return isinstance(error, asyncpg.ClientConfigurationError)


def _extras(error: asyncpg.PostgresError) -> list[tuple[str, str | None]]:
    return [
        ("detail", getattr(error, "detail", None)),
        ("hint", getattr(error, "hint", None)),
        ("sqlstate", error.sqlstate),
    ]
