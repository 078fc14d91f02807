"""Migrations: making the schema `schemad`, bringing it up to date, and telling whether it is."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

import asyncpg

from schemad import __version__
from schemad.ddl.render import literal
from schemad.store.connect import Connection
from schemad.store.sql_files import SqlFile, migrations, query, reapplied, roles

# Any two runs on one database meet at this lock. The number is arbitrary, and only has to stay. It is no secret:
# before the first run there is none, and who takes it keeps a DBA waiting, who sees that in pg_locks.
_LOCK = 0x5C4E_3AAD

_RECORD = (
    "INSERT INTO schemad.migrations (file, checksum) VALUES ({file}, {checksum}) "
    "ON CONFLICT (file) DO UPDATE SET checksum = excluded.checksum, applied_at = now(), "
    "applied_by = session_user;"
)
# Bodies are checked when everything they name is there. Nothing that was planted in public may be bound by a view
# or a check.
_HEADER = (
    "SET LOCAL check_function_bodies = off; SET LOCAL client_min_messages = warning; "
    "SET LOCAL search_path = pg_catalog, pg_temp;"
)
# PostgreSQL lets everybody execute a new function. The grants of the roles take that back; without them this does.
_NOT_TO_PUBLIC = "REVOKE ALL ON ALL ROUTINES IN SCHEMA schemad FROM PUBLIC;"
# Where there is no such role, tables belong to whatever login the daemon uses.
_NO_OWNER = "UPDATE schemad.policy SET owner_role = NULL WHERE owner_role = 'schemad_owner';"


class SchemaState(StrEnum):
    """How the installed schema stands to the one that this version of schemad brings."""

    ABSENT = "absent"
    BEHIND = "behind"
    CURRENT = "current"
    AHEAD = "ahead"


class SchemaMismatch(Exception):
    """The schema in the database is not the one that this version works with."""


class ChangedMigration(Exception):
    """A migration that was applied has another text now."""


@dataclass(frozen=True, slots=True)
class Step:
    """Files that are applied in one transaction, with the SQL around them."""

    files: tuple[SqlFile, ...]
    epilogue: str = ""

    @property
    def sql(self) -> str:
        """Everything that the step runs, without BEGIN and COMMIT."""
        parts = [_HEADER, query("remember_objects")]
        for file in self.files:
            parts.append(f"-- {file.name}\n{file.sql.rstrip()}")
            parts.append(_RECORD.format(file=literal(file.name), checksum=literal(file.checksum)))
        return "\n\n".join([*parts, self.epilogue, query("revoke_default_privileges")]).rstrip() + "\n"


async def migrate(
    connection: Connection,
    *,
    with_roles: bool | None = None,
    tell: Callable[[str, float], None] = lambda _what, _done: None,
) -> list[str]:
    """Installs or upgrades the schema; does nothing where it is current.

    Args:
        connection: As a role that may create schemas and, with roles, roles.
        with_roles: Whether to install roles, grants and row security; None: as before, and at first with them.
        tell: Told what is done next, and which share of all is done.

    Returns:
        The names of the files that were applied.

    Raises:
        ChangedMigration: An applied migration was edited.
        SchemaMismatch: The schema is of a newer schemad.
        asyncpg.PostgresError: A file failed; its transaction was rolled back.
    """
    await connection.execute("SELECT pg_advisory_lock($1)", _LOCK)
    try:
        applied = await _applied_before(connection)
        steps = _steps(applied, with_roles=with_roles)
        for done, step in enumerate(steps):
            files = step.files[0].name if len(step.files) == 1 else f"{len(step.files)} files"
            tell(f"applying {files}", done / len(steps))
            async with connection.transaction():
                await connection.execute(step.sql)
    finally:
        await connection.execute("SELECT pg_advisory_unlock($1)", _LOCK)
    return [file.name for step in steps for file in step.files]


async def pending_files(connection: Connection, *, with_roles: bool | None = None) -> list[str]:
    """The names of the files that migrate() would apply.

    Raises:
        ChangedMigration: An applied migration was edited.
        SchemaMismatch: The schema is of a newer schemad.
    """
    applied = await _applied_before(connection)
    return [f.name for step in _steps(applied, with_roles=with_roles) for f in step.files]


async def require_current_schema(connection: Connection) -> None:
    """Raises SchemaMismatch, with the command that mends it, unless the schema is the one of this version."""
    applied = await _applied(connection)
    match _state(applied):
        case SchemaState.ABSENT:
            raise SchemaMismatch("this database has no schema schemad: run `schemad migrate` as its owner")
        case SchemaState.BEHIND:
            raise SchemaMismatch(
                f"the schema in the database is not that of schemad {__version__}: run `schemad migrate` "
                "with this version"
            )
        case SchemaState.AHEAD:
            raise SchemaMismatch(_ahead_message(applied))


async def pending_script(connection: Connection | None, *, with_roles: bool | None = None) -> str:
    """What migrate() would run, as a script for psql, for whoever runs such things by hand.

    Args:
        connection: To the database that it is for; None: to an empty one.
        with_roles: Whether to install roles, grants and row security; None: as before, and at first with them.

    Raises:
        ChangedMigration: An applied migration was edited.
        SchemaMismatch: The schema is of a newer schemad.
    """
    applied = {} if connection is None else await _applied_before(connection)
    steps = _steps(applied, with_roles=with_roles)
    transactions = [f"BEGIN;\n\n{step.sql}\nCOMMIT;\n" for step in steps]
    head = f"-- The schema of schemad {__version__}. Run it with psql -X.\n\\set ON_ERROR_STOP on\n"
    return "\n".join([head, *(transactions or ["-- Current: nothing to do.\n"])])


def _steps(applied: dict[str, str], *, with_roles: bool | None) -> list[Step]:
    had_roles = any(file.name in applied for file in roles())
    if with_roles is None:
        with_roles = had_roles or not applied
    steps = []
    for file in migrations():
        if file.name not in applied:
            steps.append(Step((file,)))
        elif applied[file.name] != file.checksum:
            raise ChangedMigration(
                f"{file.name} was applied with another text (checksum {applied[file.name][:12]}…, now "
                f"{file.checksum[:12]}…): migrations are never edited; restore the file, and add a new one"
            )
    # The others stand on each other: any change re-applies them all, in one transaction.
    others = [*reapplied(), *(roles() if with_roles else [])]
    if steps or _changed(others, applied):
        epilogue = [] if with_roles else [_NOT_TO_PUBLIC] if had_roles else [_NO_OWNER, _NOT_TO_PUBLIC]
        steps.append(Step(tuple(others), "\n".join(epilogue)))
    return steps


def _changed(files: Sequence[SqlFile], applied: dict[str, str]) -> bool:
    return any(applied.get(file.name) != file.checksum for file in files)


def _state(applied: dict[str, str]) -> SchemaState:
    """The state of the schema; its roles, which a DBA may keep otherwise, left aside."""
    if not applied:
        return SchemaState.ABSENT
    known = {file.name for file in migrations()}
    if any(name.startswith("migrations/") and name not in known for name in applied):
        return SchemaState.AHEAD
    return SchemaState.BEHIND if _changed([*migrations(), *reapplied()], applied) else SchemaState.CURRENT


def _ahead_message(applied: dict[str, str]) -> str:
    newest = max(name for name in applied if name.startswith("migrations/"))
    return (
        f"the schema in the database is newer than schemad {__version__} (it has {newest}): upgrade schemad, "
        "`pip install --upgrade schemad`"
    )


async def _applied_before(connection: Connection) -> dict[str, str]:
    """What was applied, where this version can go on from there; else it would undo a newer one's functions."""
    applied = await _applied(connection)
    if _state(applied) is SchemaState.AHEAD:
        raise SchemaMismatch(_ahead_message(applied))
    return applied


async def _applied(connection: Connection) -> dict[str, str]:
    """Checksums by file, of what was applied; empty where there is no schema."""
    try:
        rows = await connection.fetch(query("applied_migrations"))
    except (asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return {}
    return {row["file"]: row["checksum"] for row in rows}
