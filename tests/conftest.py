"""Fixtures: servers of each version, a database for each test, connections and daemons."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import structlog

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.support.daemons import running_daemon
from tests.support.databases import Database, Template
from tests.support.events import listed_events
from tests.support.servers import Server, running_server, server_names


@pytest.fixture(autouse=True)
def events_are_as_listed() -> Iterator[None]:
    """Every line that a test has the daemon log is one of the events that the reference lists."""
    kept = structlog.get_config()["processors"]
    with listed_events() as check:
        structlog.configure(processors=[check, *kept])
        yield
    structlog.configure(processors=kept)


@pytest.fixture(scope="session", params=server_names())
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """A server of each version."""
    memory = Path("/dev/shm")
    with (
        tempfile.TemporaryDirectory(prefix="schemad-", dir=memory if memory.is_dir() else None) as directory,
        running_server(request.param, Path(directory) / "data") as running,
    ):
        yield running


@pytest.fixture(scope="session")
def template(server: Server) -> Iterator[Template]:
    """The migrated database that tests get copies of."""
    with Template(server).made() as made:
        yield made


@pytest.fixture
def database(template: Template) -> Iterator[Database]:
    """A database of the test's own, with schemad installed."""
    with template.copy() as copy:
        yield copy


@pytest.fixture
def empty_database(template: Template) -> Iterator[Database]:
    """A database of the test's own, without schemad."""
    with template.empty() as empty:
        yield empty


@pytest.fixture
async def admin(database: Database) -> AsyncIterator[Connection]:
    """A superuser's connection."""
    async with database.connection() as connection:
        yield connection


@pytest.fixture
async def app(database: Database) -> AsyncIterator[Connection]:
    """An application's connection: a requester."""
    async with database.connection("app_one") as connection:
        yield connection


@pytest.fixture
async def dba(database: Database) -> AsyncIterator[Connection]:
    """A reviewer's connection."""
    async with database.connection("dba_one") as connection:
        yield connection


@pytest.fixture
async def daemon(database: Database) -> AsyncIterator[Daemon]:
    """A daemon that only notifications wake, with what schemad_daemon has and no more."""
    async with running_daemon(database.dsn("daemon_login")) as running:
        yield running
