"""A server that goes away and comes back, and its two ways in: on a server of the tests' own."""

import signal
from collections.abc import Callable, Iterator

import pytest

from schemad.embedded import EmbeddedPostgres
from schemad.store import connect
from tests.support.daemons import daemon_process, running_daemon
from tests.support.databases import Database, Template, fields
from tests.support.own_servers import NO_SERVERS, NO_SERVERS_REASON
from tests.support.own_servers import own_server as running_own_server
from tests.support.requests import ask, assert_all_or_nothing
from tests.support.servers import Server

pytestmark = pytest.mark.skipif(NO_SERVERS, reason=NO_SERVERS_REASON)


@pytest.fixture(scope="module")
def own_server() -> Iterator[EmbeddedPostgres]:
    with running_own_server() as running:
        yield running


@pytest.fixture(scope="module")
def own_template(own_server: EmbeddedPostgres) -> Iterator[Template]:
    with Template(Server(own_server.dsn())).made() as made:
        yield made


@pytest.fixture
def own_database(own_template: Template) -> Iterator[Database]:
    with own_template.copy() as copy:
        yield copy


@pytest.mark.parametrize("end", [EmbeddedPostgres.stop, EmbeddedPostgres.kill], ids=["stopped", "killed"])
async def test_the_daemon_comes_back_when_the_server_does(
    own_server: EmbeddedPostgres, own_database: Database, end: Callable[[EmbeddedPostgres], None]
) -> None:
    async with running_daemon(own_database.dsn("daemon_login")):
        async with own_database.connection("app_one") as app:
            assert (await ask(app, "before", fields("a")))["status"] == "approved"
        end(own_server)
        own_server.start()
        async with own_database.connection("app_one") as app:
            assert (await ask(app, "meanwhile", fields("a")))["status"] == "approved"
            assert (await ask(app, "after", fields("a")))["status"] == "approved"
    async with own_database.connection() as admin:
        assert await assert_all_or_nothing(admin) == 3


async def test_a_daemon_stops_at_once_while_the_server_is_away(
    own_server: EmbeddedPostgres, own_database: Database
) -> None:
    environment = {"SCHEMAD_POLL_INTERVAL": "0.05", "SCHEMAD_DRAIN_DEADLINE": "600"}
    try:
        async with daemon_process(own_database.dsn("daemon_login"), **environment) as process:
            own_server.stop()
            await process.event("worker.lost")
            process.signal(signal.SIGTERM)
            assert await process.end() == 0
    finally:
        own_server.start()


@pytest.mark.parametrize("way", ["tcp", "socket"])
async def test_a_daemon_works_over_tcp_and_over_a_unix_socket(
    own_server: EmbeddedPostgres, own_database: Database, way: str
) -> None:
    dsn_of = own_server.dsn if way == "tcp" else own_server.socket_dsn
    app = await connect(dsn_of(own_database.name), job="test")
    try:
        async with running_daemon(dsn_of(own_database.name, "daemon_login")):
            by_socket = await app.fetchval(
                "SELECT bool_and(client_addr IS NULL) FROM pg_stat_activity WHERE usename = 'daemon_login'"
            )
            assert by_socket is (way == "socket")
            assert (await ask(app, "notes", fields("a")))["status"] == "approved"
    finally:
        app.terminate()
