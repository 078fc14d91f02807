"""The PostgreSQL servers that the tests run on: one named by SCHEMAD_TEST_DSN, Docker's, or embedded ones."""

import contextlib
import os
import tempfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit, urlunsplit

from schemad.embedded import EmbeddedPostgres, installed_majors

TEST_DSN = os.environ.get("SCHEMAD_TEST_DSN")
# Every test on every server, instead of each on the newest and on one of the others.
EVERY_SERVER = os.environ.get("SERVERS") == "every"
DEFAULT_MAJORS = (16, 18)
EXTRA_MAJORS = (15,)  # tried too, where its binaries are on the machine

# Durability is tested by killing processes, not machines: without fsync a suite takes a third of the time.
SERVER_SETTINGS = {
    "fsync": "off",
    "max_connections": "200",
    "max_prepared_transactions": "5",
    "log_min_messages": "warning",
    # What it does, and the locks that it takes meanwhile, would come at another moment in each run.
    "autovacuum_naptime": "1d",
}


@dataclass(frozen=True, slots=True)
class Server:
    """A running server. `admin_dsn` is of a superuser, to a database that always exists."""

    admin_dsn: str

    def dsn(self, database: str, user: str | None = None) -> str:
        """The DSN of a database; of another login, where one is named."""
        parts = urlsplit(self.admin_dsn)
        netloc = parts.netloc
        if user is not None:
            netloc = f"{user}@{netloc.rpartition('@')[2]}"
        return urlunsplit(parts._replace(netloc=netloc, path=f"/{database}"))


@cache
def docker_answers() -> bool:
    """Whether a Docker engine is there to run servers in."""
    if not os.environ.get("DOCKER_HOST") and not Path("/var/run/docker.sock").exists():
        return False  # asking would leak a socket of the client's
    import docker
    from docker.errors import DockerException

    try:
        with contextlib.closing(docker.from_env(timeout=3)) as client:
            return bool(client.ping())
    except DockerException:
        return False


@cache
def server_names() -> list[str]:
    """The servers to test on: `dsn`, or one for each major version."""
    if TEST_DSN:
        return ["dsn"]
    installed = () if docker_answers() else installed_majors()
    majors = [*(m for m in EXTRA_MAJORS if m in installed), *DEFAULT_MAJORS]
    return [f"pg{major}" for major in majors]


def is_its_turn(test: str, server: str) -> bool:
    """Whether a test runs on that server: on the newest always, and on one of the others in turn.

    Args:
        test: What it is called without its server; the turn goes by that, so it is the same in each run.
        server: One of server_names().
    """
    *others, newest = server_names()
    return EVERY_SERVER or server == newest or server == others[zlib.crc32(test.encode()) % len(others)]


@contextlib.contextmanager
def running_server(name: str, data_dir: Path) -> Iterator[Server]:
    """Runs the server of that name."""
    if TEST_DSN:
        yield Server(TEST_DSN)
    elif docker_answers():
        from testcontainers.community.postgres import PostgresContainer

        settings = [word for setting in SERVER_SETTINGS.items() for word in ("-c", "=".join(setting))]
        container = (
            PostgresContainer(
                f"postgres:{name.removeprefix('pg')}", username="postgres", dbname="postgres", driver=None
            )
            .with_env("POSTGRES_HOST_AUTH_METHOD", "trust")
            .with_command(["postgres", "-c", "listen_addresses=*", *settings])
        )
        # On this machine alone, as it lets anybody in: with_bind_ports() would have it on every interface.
        loopback: Any = ("127.0.0.1", None)  # Docker's client takes it, and testcontainers does not say so
        container.ports = {str(container.port): loopback}
        with container as postgres:
            yield Server(postgres.get_connection_url())
    else:
        with EmbeddedPostgres(data_dir, major=int(name.removeprefix("pg")), settings=SERVER_SETTINGS) as server:
            yield Server(server.dsn())


class Servers:
    """Servers that are started when they are first asked for, and run until the end."""

    def __init__(self) -> None:
        self._running: dict[str, Server] = {}
        self._stack = contextlib.ExitStack()

    def running(self, name: str) -> Server:
        """The server of that name."""
        if name not in self._running:
            memory = Path("/dev/shm")
            directory = self._stack.enter_context(
                tempfile.TemporaryDirectory(prefix="schemad-", dir=memory if memory.is_dir() else None)
            )
            self._running[name] = self._stack.enter_context(running_server(name, Path(directory) / "data"))
        return self._running[name]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()
