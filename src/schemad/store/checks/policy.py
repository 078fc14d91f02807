"""The policy: what in it, or in the environment beside it, has requests wait that nobody means to."""

from collections.abc import AsyncIterator, Mapping
from typing import Any

from schemad.settings import Settings
from schemad.store.checks.check import Check, note
from schemad.store.connect import Connection
from schemad.store.one_row import one_row


async def check_policy(connection: Connection, settings: Settings) -> AsyncIterator[Check]:
    """Looks at the policy.

    Args:
        connection: To a migrated database.
        settings: What the environment says to the daemon.
    """
    if settings.enable_auto_create:
        yield Check("automatic creation", "on")
    else:
        found = "SCHEMAD_ENABLE_AUTO_CREATE is off: every request waits for review"
        yield note("automatic creation", found, "SCHEMAD_ENABLE_AUTO_CREATE=true has low-risk ones applied")
    facts = await one_row(connection, "policy_facts")
    if facts["limits_set"]:
        yield Check("limits on requests", f"{facts['limits_set']} set")
    else:
        found = "none is set: one application may fill the queue, or the database with tables"
        mend = _set("pending_requests", "'100'") + " (schemad policy show lists all)"
        yield note("limits on requests", found, mend)
    owner = facts["owner_role"]
    if facts["owner_is_superuser"]:
        found = f"{owner}, which owns tables, is a superuser: what is approved runs with its rights"
        yield Check("policy", found, f"ALTER ROLE {owner} NOSUPERUSER;")
    elif facts["owner_owns_schema"]:
        found = f"{owner}, which owns tables, may act as the owner of schema schemad: no plan runs as it"
        yield Check("policy", found, _set("owner_role", "'schemad_owner'"))
    remarks = _remarks(dict(facts))
    for found, mend in remarks:
        yield note("policy", found, mend)
    if not remarks and not facts["owner_owns_schema"]:
        yield Check("policy", "nothing stands out")


def _remarks(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What somebody may mean, and may not; each with what changes it."""
    owner, most, used_up = facts["owner_role"], facts["tables_in_all"], facts["used_up"]
    remarks = [
        (facts["owner_may_log_in"], f"{owner}, which owns tables, may log in", f"ALTER ROLE {owner} NOLOGIN;"),
        (
            facts["tables_per_day"] == 0,
            "tables_per_day is 0: every new table waits for review",
            _set("tables_per_day", "NULL"),
        ),
        (most == 0, "tables_in_all is 0: every new table waits for review", _set("tables_in_all", "NULL")),
        (
            most and used_up,
            f"tables_in_all is used up by {used_up}: their new tables wait for review",
            _set("tables_in_all", f"'{2 * (most or 0)}'"),
        ),
        (
            not facts["has_auto_types"],
            "no type is automatic: every new table waits for review",
            "UPDATE schemad.safe_types SET auto = true WHERE built_in AND NOT refused;",
        ),
        (
            facts["max_attempts"] == 1,
            "max_attempts is 1: a lock that is held for a moment has a request fail",
            _set("max_attempts", "'10'"),
        ),
        (
            facts["allow_self_approval"],
            "allow_self_approval is on: reviewers may approve what they asked for themselves",
            _set("allow_self_approval", "'false'"),
        ),
    ]
    return [(found, mend) for applies, found, mend in remarks if applies]


def _set(name: str, value: str) -> str:
    return f"SELECT schemad.set_policy('{name}', {value});"
