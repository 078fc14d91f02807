"""Databases of the bench's own, on an embedded server or on one that it was told of."""

import contextlib
import secrets
from collections.abc import AsyncIterator
from urllib.parse import parse_qsl, urlencode, urlsplit

from schemad.bench.failure import BenchFailed
from schemad.bench.sql import query
from schemad.ddl.render import identifier
from schemad.store import Connection, connect, migrate
from schemad.store.connect import DEFAULT_TIMEOUT, LINK_ERRORS

PREFIX = "schemad_bench_"


class Databases:
    """Makes databases on one server, each under a name that nobody else has.

    Args:
        dsn: Any database of the server, as a role that may create databases.
        lasting: Whether the server is there after the run: then the databases are dropped at the end, and no roles
            are made, as these are the whole cluster's.
    """

    def __init__(self, dsn: str, *, lasting: bool) -> None:
        self.dsn = dsn
        self._lasting = lasting
        self._prefix = f"{PREFIX}{secrets.token_hex(8)}_"
        self._names: list[str] = []

    async def new(self, *, installed: bool = True) -> str:
        """Makes a database, with schemad in it if so told; its DSN."""
        name = f"{self._prefix}{len(self._names) + 1}"
        self._names.append(name)
        async with session(self.dsn) as connection:
            await connection.execute(f"CREATE DATABASE {identifier(name)} TEMPLATE template0")
        dsn = database_dsn(self.dsn, name)
        if installed:
            async with session(dsn) as connection:
                await migrate(connection, with_roles=not self._lasting)
        return dsn

    async def require_rights(self) -> None:
        """Raises BenchFailed where the role may not create databases."""
        async with session(self.dsn) as connection:
            row = await connection.fetchrow(query("rights"))
        if row is None or not row["may_create"]:
            role = row["role"] if row else "this role"
            raise BenchFailed(
                f"role {role} may not create databases, and the bench measures in databases of its own: run "
                f"ALTER ROLE {role} CREATEDB, or leave out --dsn to measure on an embedded server"
            )

    async def drop(self) -> None:
        """Drops what it made, with whatever still works there; at the end, as files are made slowly after that.

        Raises:
            BenchFailed: The server does not answer; the message names what stays.
        """
        if not self._lasting or not self._names:
            return
        try:
            async with session(self.dsn) as connection:
                for name in self._names:
                    await connection.execute(f"DROP DATABASE IF EXISTS {identifier(name)} WITH (FORCE)")
        except LINK_ERRORS as error:
            raise BenchFailed(
                f"the server does not answer ({error}), so this run's databases stay there: drop "
                f"{self._prefix}1 to {self._prefix}{len(self._names)}"
            ) from error


@contextlib.asynccontextmanager
async def databases_on(dsn: str, *, lasting: bool) -> AsyncIterator[Databases]:
    """Databases on a server, gone afterwards, however it ends."""
    databases = Databases(dsn, lasting=lasting)
    await databases.require_rights()
    try:
        yield databases
    finally:
        await databases.drop()


@contextlib.asynccontextmanager
async def session(dsn: str) -> AsyncIterator[Connection]:
    """A connection of the bench's."""
    connection = await connect(dsn, job="bench", timeout=DEFAULT_TIMEOUT)
    try:
        yield connection
    finally:
        connection.terminate()


def database_name(dsn: str) -> str:
    """The database that a DSN of the bench's names."""
    return urlsplit(dsn).path.removeprefix("/")


def database_dsn(dsn: str, name: str) -> str:
    """The DSN with another database."""
    parts = urlsplit(dsn)
    kept = [(key, value) for key, value in parse_qsl(parts.query) if key not in {"database", "dbname"}]
    options = f"?{urlencode(kept)}" if kept else ""
    # Put together by hand: with no host, urlunsplit() would leave the // out.
    return f"{parts.scheme}://{parts.netloc}/{name}{options}"
