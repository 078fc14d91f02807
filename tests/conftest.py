"""Fixtures: servers of each version, a database for each test, connections and daemons."""

import signal
from collections.abc import AsyncIterator, Iterator

import pytest
import structlog

from schemad.daemon import Daemon
from schemad.store import Connection
from tests.support.daemons import running_daemon
from tests.support.databases import Database, Template, Templates
from tests.support.events import listed_events
from tests.support.servers import Server, Servers, is_its_turn, server_names


def pytest_configure() -> None:
    """What a shell starts in the background ignores Ctrl-C, and so would the programs that tests send it to."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.hookimpl(trylast=True)  # after pytest has put those together that use the same server
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out what is not a server's turn; what takes longest begins first, so that no worker ends with it."""
    if not any("::" in argument for argument in config.args):  # a test that is named is run
        config.hook.pytest_deselected(items=[item for item in items if not _is_its_turn(item)])
        items[:] = [item for item in items if _is_its_turn(item)]
    items.sort(key=lambda item: item.get_closest_marker("slow") is None)


def _is_its_turn(item: pytest.Item) -> bool:
    callspec = getattr(item, "callspec", None)
    server = callspec.params.get("server") if callspec else None
    if server is None or item.get_closest_marker("every_server"):
        return True
    return is_its_turn(item.nodeid.replace(server, ""), server)


@pytest.fixture(autouse=True)
def events_are_as_listed() -> Iterator[None]:
    """Every line that a test has the daemon log is one of the events that the reference lists."""
    kept = structlog.get_config()["processors"]
    with listed_events() as check:
        structlog.configure(processors=[check, *kept])
        yield
    structlog.configure(processors=kept)


@pytest.fixture(scope="session")
def servers() -> Iterator[Servers]:
    """The servers that tests of this process needed so far: they run until the last test."""
    with Servers() as running:
        yield running


@pytest.fixture(scope="session")
def templates(servers: Servers) -> Iterator[Templates]:
    """The migrated databases of those servers, gone before they are."""
    with Templates() as made:
        yield made


@pytest.fixture(scope="session", params=server_names())
def server(request: pytest.FixtureRequest, servers: Servers) -> Server:
    """A server of each version."""
    return servers.running(request.param)


@pytest.fixture(scope="session")
def template(server: Server, templates: Templates) -> Template:
    """The migrated database that tests get copies of."""
    return templates.on(server)


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
