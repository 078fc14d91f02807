"""Databases for tests: one each, copied from a migrated template, gone afterwards."""

import asyncio
import contextlib
import itertools
import os
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any, Self

import asyncpg

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
        self._runner: asyncio.Runner | None = None
        self._kept: Connection | None = None

    @contextlib.contextmanager
    def made(self, *, keeps_session: bool = False) -> Iterator["Template"]:
        """Makes it, and drops it afterwards.

        Args:
            keeps_session: Whether databases are made and dropped on one session, which costs a third less: where
                the server stays.
        """
        with contextlib.ExitStack() as stack:
            asyncio.run(self.make())
            stack.callback(self._execute, f"DROP DATABASE IF EXISTS {self.name} WITH (FORCE)")
            if keeps_session:
                self._runner = stack.enter_context(asyncio.Runner(loop_factory=asyncio.new_event_loop))
                self._kept = self._runner.run(connect(self.server.admin_dsn, job="test"))
                stack.callback(self._end_session)
            yield self

    @contextlib.contextmanager
    def copy(self) -> Iterator[Database]:
        """A copy, dropped afterwards."""
        with self._created("test", f"TEMPLATE {self.name} STRATEGY file_copy") as copy:
            yield copy

    @contextlib.contextmanager
    def empty(self) -> Iterator[Database]:
        """A database without schemad, dropped afterwards."""
        with self._created("empty", "TEMPLATE template0") as empty:
            yield empty

    @contextlib.contextmanager
    def _created(self, kind: str, options: str) -> Iterator[Database]:
        name = f"schemad_{kind}_{os.getpid()}_{next(_numbers)}"
        self._execute_patiently(f"CREATE DATABASE {name} {options}")
        try:
            yield Database(self.server, name)
        finally:
            self._execute_patiently(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")

    def _execute_patiently(self, sql: str) -> None:
        try:
            self._execute(sql)
        except asyncpg.ObjectInUseError:  # it waits for no more than five seconds until a session has ended
            self._execute(sql)

    def _execute(self, sql: str) -> None:
        if self._runner is None or self._kept is None:
            asyncio.run(self.run(sql))
        else:
            self._runner.run(self._kept.execute(sql))

    def _end_session(self) -> None:
        assert self._runner is not None
        assert self._kept is not None
        self._runner.run(self._kept.close())
        self._runner = self._kept = None

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


class Templates:
    """The templates of several servers, each made when it is first asked for."""

    def __init__(self) -> None:
        self._made: dict[Server, Template] = {}
        self._stack = contextlib.ExitStack()

    def on(self, server: Server) -> Template:
        """That of a server."""
        if server not in self._made:
            self._made[server] = self._stack.enter_context(Template(server).made(keeps_session=True))
        return self._made[server]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()


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
