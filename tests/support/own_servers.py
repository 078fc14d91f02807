"""Servers of a test's own: to be stopped, filled up, starved or left behind."""

import asyncio
import contextlib
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from schemad.embedded import EmbeddedPostgres, installed_majors
from tests.support.databases import Database, Template
from tests.support.servers import SERVER_SETTINGS, Server

# Why a test that needs one is skipped.
NO_SERVERS = not installed_majors()
NO_SERVERS_REASON = "no PostgreSQL server programs here"


@contextlib.contextmanager
def own_directory() -> Iterator[Path]:
    """A directory in memory, where there is such a thing."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(prefix="schemad-", dir=memory if memory.is_dir() else None) as directory:
        yield Path(directory)


@contextlib.contextmanager
def own_server(**settings: str) -> Iterator[EmbeddedPostgres]:
    """A running server with these settings, which a test may kill."""
    with own_directory() as directory:
        try:
            with EmbeddedPostgres(directory / "data", settings=SERVER_SETTINGS | settings) as server:
                yield server
        finally:
            give_memory_back(directory / "data", SERVER_SETTINGS | settings)


def give_memory_back(data_dir: Path, settings: Mapping[str, str]) -> None:
    """Gives back the shared memory of a server that was killed, before its data is removed: only a start does.

    Args:
        data_dir: Of a server that does not run.
        settings: Its settings. Its port will be another one, as somebody may wait at the one that it had.
    """
    if (data_dir / "postmaster.pid").exists():
        server = EmbeddedPostgres(data_dir, settings=settings)
        server.start()
        server.stop()


def new_database(server: EmbeddedPostgres) -> Database:
    """A database on it with schemad installed, left to end with its server."""
    return asyncio.run(Template(Server(server.dsn())).make())


@contextlib.contextmanager
def standby_of(primary: EmbeddedPostgres) -> Iterator[EmbeddedPostgres]:
    """A hot standby of a server, copied and running."""
    with own_directory() as directory:
        data = directory / "data"
        basebackup = primary.binaries.bin_dir / "pg_basebackup"
        command = [str(basebackup), "-d", primary.dsn(), "-D", str(data), "-R", "-X", "stream", "-c", "fast"]
        subprocess.run(command, check=True, capture_output=True)
        (data / "postmaster.pid").unlink(missing_ok=True)
        with EmbeddedPostgres(data, settings=SERVER_SETTINGS) as standby:
            yield standby


@contextlib.contextmanager
def small_disk(megabytes: int) -> Iterator[Path]:
    """A directory that holds no more than that; OSError where none can be mounted."""
    with own_directory() as directory:
        place = directory / "disk"
        place.mkdir()
        mount = ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(place)]
        try:
            subprocess.run(mount, check=True, capture_output=True)
        except (FileNotFoundError, subprocess.CalledProcessError) as error:
            raise OSError(f"no tmpfs can be mounted here: {error}") from error
        try:
            yield place
        finally:
            subprocess.run(["umount", str(place)], check=True)
