"""Checks: whether a daemon would work on this database, and for what would not, the command that mends it."""

from collections.abc import AsyncIterator

from schemad.settings import Settings
from schemad.store.checks.check import Check, Level
from schemad.store.checks.limits import check_limits
from schemad.store.checks.notifications import check_notification_queue, check_notifications
from schemad.store.checks.policy import check_policy
from schemad.store.checks.privileges import check_privileges
from schemad.store.checks.schema import check_queue, check_schema
from schemad.store.checks.server import ROLE, check_server, check_triggers
from schemad.store.checks.way import check_way, open_for_checks
from schemad.store.connect import Connection
from schemad.store.sql_files import query

__all__ = ["Check", "Level", "check_all", "open_for_checks"]


async def check_all(connection: Connection, settings: Settings) -> AsyncIterator[Check]:
    """Looks at everything: the server, the schema, privileges, limits, the policy and the way of notifications.

    Args:
        connection: As the daemon would connect.
        settings: What the environment says to the daemon.

    Raises:
        OSError, asyncpg.PostgresError: The link failed.
    """
    takes_writes = True
    async for check in check_server(connection):
        takes_writes = takes_writes and (check.name != ROLE or check.passed)
        yield check
    if not takes_writes:
        return  # nothing else can be looked at, or matters yet
    # First, as what follows opens sessions: where none is left, this is what tells why.
    async for check in check_limits(connection, settings):
        yield check
    yield await check_way(settings)
    schema = await check_schema(connection)
    yield schema
    are_sent = True
    if schema.passed:
        async for check in check_privileges(connection):
            yield check
        yield await check_triggers(connection)
        async for check in check_policy(connection, settings):
            yield check
        yield await check_queue(connection)
        are_sent = await connection.fetchval(query("notifies")) is not False
    yield await check_notification_queue(connection)
    yield await check_notifications(connection, settings, are_sent=are_sent)
