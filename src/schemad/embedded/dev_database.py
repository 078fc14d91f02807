"""The development database: an embedded server, migrated, with logins for the daemon and for a person."""

from dataclasses import dataclass

from schemad.embedded.server import EmbeddedPostgres
from schemad.store import connect, migrate
from schemad.store.sql_files import query

DATABASE = "dev"
# Has what schemad_daemon has, and no more: what works here works without superuser.
SERVICE = "schemad_service"


@dataclass(frozen=True, slots=True)
class DevDatabase:
    """Where it is.

    Attributes:
        dsn: For whoever tries it; a superuser.
        daemon_dsn: For the daemon.
    """

    dsn: str
    daemon_dsn: str


async def prepare(server: EmbeddedPostgres) -> DevDatabase:
    """Makes the development database on a running server, or brings it up to date.

    One person tries it, so requesters may approve their own requests there.
    """
    first = await connect(server.dsn(), job="dev")
    try:
        if not await first.fetchval(query("database_exists"), DATABASE):
            await first.execute(query("dev_database"))
    finally:
        await first.close()
    connection = await connect(server.dsn(DATABASE), job="dev")
    try:
        await migrate(connection)
        await connection.execute(query("dev_roles"))
    finally:
        await connection.close()
    return DevDatabase(server.dsn(DATABASE), server.dsn(DATABASE, SERVICE))
