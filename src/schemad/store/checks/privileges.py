"""Privileges: whether this role may do what the daemon does."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

from schemad.store.checks.check import Check, note
from schemad.store.connect import Connection
from schemad.store.one_row import one_row

if TYPE_CHECKING:
    from asyncpg import Record


async def check_privileges(connection: Connection) -> AsyncIterator[Check]:
    """Looks at the daemon's privileges, the role that owns tables, and the schema that they are made in."""
    row = await one_row(connection, "privileges")
    role, owner, table_schema = row["role"], row["owner_role"], row["table_schema"]
    yield Check(
        "daemon's privileges",
        f"{role} {'has' if row['may_apply'] else 'lacks'} what the daemon needs",
        "" if row["may_apply"] else f"GRANT schemad_daemon TO {role};",
    )
    if not row["may_apply"]:
        return  # what schemad_daemon brings along is not to be granted by itself
    if owner is not None:
        async for check in _check_owner(row):
            yield check
    grants = []
    if not row["has_schema"]:
        grants.append(f"CREATE SCHEMA {table_schema};")
    if (owner is None or row["has_owner"]) and not row["may_create"]:
        grants.append(f"GRANT USAGE, CREATE ON SCHEMA {table_schema} TO {owner or role};")
    if not row["requesters_may_use"]:
        grants.append(f"GRANT USAGE ON SCHEMA {table_schema} TO schemad_requester;")
    yield Check("schema of tables", table_schema, " ".join(grants))


async def _check_owner(row: "Record") -> AsyncIterator[Check]:
    role, owner = row["role"], row["owner_role"]
    mend = "" if row["may_own"] else f"GRANT {owner} TO {role};"
    if not row["has_owner"]:
        mend = (
            f"CREATE ROLE {owner}; GRANT {owner} TO {role}; or name another owner: schemad policy set owner_role"
        )
    yield Check("owner of tables", owner, mend)
    if row["has_owner"] and row["barrier_owner"] != owner:
        found = (
            f"schemad.run_as_owner(text) belongs to {row['barrier_owner']}: plans with types of your own, or with "
            "expressions that a person let through, fail"
        )
        yield note("barrier", found, _give_barrier(owner))


def _give_barrier(owner: str) -> str:
    # Who is no superuser can give a function only to a role that may create one there.
    return (
        f"GRANT CREATE ON SCHEMA schemad TO {owner}; ALTER FUNCTION schemad.run_as_owner(text) OWNER TO {owner}; "
        f"REVOKE CREATE ON SCHEMA schemad FROM {owner};"
    )
