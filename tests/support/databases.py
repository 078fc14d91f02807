"""Databases for tests: one each, copied from a migrated template, gone afterwards."""

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

from schemad.store import Connection, connect, migrate
from tests.support.servers import Server

# Logins, each with what one role of schemad's has. Two requesters, to tell their rows apart.
LOGINS = {
    "app_one": "schemad_requester",
    "app_two": "schemad_requester",
    "dba_one": "schemad_reviewer",
    "dba_two": "schemad_reviewer",
    "daemon_login": "schemad_daemon",
    "stranger": None,
}
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Database:
    """A database of a test's own, with schemad installed."""

    server: Server
    name: str

    def dsn(self, user: str | None = None) -> str:
        """Its DSN, for the superuser or a login of LOGINS."""
        return self.server.dsn(self.name, user)

    @contextlib.asynccontextmanager
    async def connection(self, user: str | None = None) -> AsyncIterator[Connection]:
        """A connection to it."""
        connection = await connect(self.dsn(user), job="test")
        try:
            yield connection
        finally:
            connection.terminate()


class Template:
    """The migrated database that all others of a server are copies of."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.name = f"schemad_template_{os.getpid()}"

    @contextlib.contextmanager
    def made(self) -> Iterator["Template"]:
        """Makes it, and drops it afterwards."""
        asyncio.run(self.make())
        try:
            yield self
        finally:
            asyncio.run(self.run(f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)"))

    @contextlib.contextmanager
    def copy(self) -> Iterator[Database]:
        """A copy, dropped afterwards."""
        name = f"schemad_test_{os.getpid()}_{next(_numbers)}"
        asyncio.run(self.run(f"CREATE DATABASE {name} TEMPLATE {self.name} STRATEGY file_copy"))
        try:
            yield Database(self.server, name)
        finally:
            asyncio.run(self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))

    @contextlib.contextmanager
    def empty(self) -> Iterator[Database]:
        """A database without schemad, dropped afterwards."""
        name = f"schemad_empty_{os.getpid()}_{next(_numbers)}"
        asyncio.run(self.run(f"CREATE DATABASE {name} TEMPLATE template0"))
        try:
            yield Database(self.server, name)
        finally:
            asyncio.run(self.run(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))

    async def run(self, sql: str) -> None:
        """Runs a statement outside of it."""
        connection = await connect(self.server.admin_dsn, job="test")
        try:
            await connection.execute(sql)
        finally:
            connection.terminate()

    async def make(self) -> Database:
        """Makes it, to stay until its server ends."""
        await self.run(f"CREATE DATABASE {self.name} TEMPLATE template0 ENCODING 'UTF8'")
        connection = await connect(self.server.dsn(self.name), job="test")
        try:
            await migrate(connection)
            for login, role in LOGINS.items():
                await connection.execute(make_login(login, role))
        finally:
            await connection.close()
        return Database(self.server, self.name)


def make_login(login: str, role: str | None) -> str:
    """The statement that makes a login with a role, unless it is there."""
    grant = f"GRANT {role} TO {login};" if role else ""
    # Several test processes may share a server: the second one finds the login made.
    return (
        f"DO $$ BEGIN IF to_regrole('{login}') IS NULL THEN CREATE ROLE {login} LOGIN; {grant} END IF; "
        "EXCEPTION WHEN duplicate_object OR unique_violation THEN NULL; END $$"
    )


def fields(*names: str, **types: Any) -> dict[str, Any]:
    """A payload with text fields of these names, and fields of these types."""
    listed = [{"name": n, "type": "text"} for n in names]
    return {"fields": listed + [{"name": n, "type": t} for n, t in types.items()]}
