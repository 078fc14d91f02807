"""The PostgreSQL under test: a primary, now and then a standby that takes its place, and a disk that can be full.

Each server has a file system of its own where mounting is allowed: made as small as what is on it, it is full, and
nothing of the machine's is.
"""

import asyncio
import contextlib
import functools
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from schemad.embedded import EmbeddedPostgres, EmbeddedPostgresError
from schemad.store import Connection, connect
from schemad.store.connect import LINK_ERRORS
from tests.support.own_servers import give_memory_back

Result = TypeVar("Result")

DATABASE = "chaos"
HOST = "127.0.0.1"
DISK = "8g"
PATIENCE = 60.0
BACKUP_ATTEMPTS = 5
# Seconds between two looks at whether the primary still runs.
LOOK = 0.05
SETTINGS = {
    "fsync": "off",
    "max_connections": "100",
    "max_prepared_transactions": "5",
    "wal_keep_size": "512MB",
    "max_wal_size": "1GB",
    "checkpoint_timeout": "60s",
    "hot_standby": "on",
    "wal_retrieve_retry_interval": "200ms",
    "log_min_messages": "warning",
}


class Place:
    """A port and a directory at which a server may run."""

    def __init__(self, directory: Path, major: int) -> None:
        self.directory = directory
        self.major = major
        with socket.socket() as probe:
            probe.bind((HOST, 0))
            self.port: int = probe.getsockname()[1]
        self.server: EmbeddedPostgres | None = None
        directory.mkdir(mode=0o700)
        mount = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=700", "schemad-chaos", str(directory)]
        self.is_mounted = (
            os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
        )

    @property
    def data_dir(self) -> Path:
        """Where its server has its data."""
        return self.directory / "data"

    def prepare(self) -> EmbeddedPostgres:
        """A server that does not run yet, on what is in the data directory."""
        self.server = EmbeddedPostgres(self.data_dir, port=self.port, major=self.major, settings=SETTINGS)
        return self.server

    def resize(self, *, full: bool, left: int = 0) -> None:
        """Makes the disk as small as what is on it and `left` bytes, or as large as it was.

        Raises:
            subprocess.CalledProcessError: Mounting is not allowed, or more was written meanwhile.
        """
        size = DISK
        if full:
            usage = os.statvfs(self.directory)
            size = str((usage.f_blocks - usage.f_bfree) * usage.f_frsize + left)
        command = ["mount", "-o", f"remount,size={size}", str(self.directory)]
        subprocess.run(command, check=True, capture_output=True)

    def clear(self) -> None:
        """Removes the data of its server, which has ended."""
        # Its disk may be full.
        with contextlib.suppress(EmbeddedPostgresError):
            give_memory_back(self.data_dir, SETTINGS)
        shutil.rmtree(self.data_dir, ignore_errors=True)
        self.server = None

    def close(self) -> None:
        """Removes it."""
        if self.server is not None:
            self.server.kill()
            self.clear()
        if self.is_mounted:
            subprocess.run(["umount", "--lazy", str(self.directory)], check=True, capture_output=True)
        shutil.rmtree(self.directory, ignore_errors=True)


class Cluster:
    """Two places, one of which has the primary.

    Attributes:
        primary: Where the primary is.
        is_held_down: While set, nobody starts the primary again.
        starts: How often it was started, the first time included.
    """

    def __init__(self, directory: Path, major: int) -> None:
        self.major = major
        self.places = [Place(directory / name, major) for name in ("one", "other")]
        self.primary = self.places[0]
        self.is_held_down = False
        self.starts = 0
        # A server dies with the thread that started it, so one thread starts all of them.
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="postmasters")
        # Held by whatever may not meet a crash of the server: a failover.
        self.lock = asyncio.Lock()

    @property
    def other(self) -> Place:
        """Where the primary is not."""
        return next(place for place in self.places if place is not self.primary)

    def dsn(self, user: str, *ports: int, database: str = DATABASE) -> str:
        """A DSN to whichever of the ports has the primary; without ports, to both places."""
        hosts = ",".join(f"{HOST}:{port}" for port in ports or [place.port for place in self.places])
        return f"postgresql://{quote(user)}@{hosts}/{database}?target_session_attrs=read-write"

    async def call(self, action: Callable[[], Result]) -> Result:
        """Runs what blocks in the thread of the servers."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, action)

    async def start(self) -> None:
        """Makes the first primary and its empty database."""
        await self.call(self.primary.prepare().start)
        self.starts += 1
        async with self.admin("postgres") as admin:
            await admin.execute(f"CREATE DATABASE {DATABASE} TEMPLATE template0 ENCODING 'UTF8'")

    @contextlib.asynccontextmanager
    async def admin(self, database: str = DATABASE) -> AsyncIterator[Connection]:
        """A superuser's connection to the primary, which is waited for.

        Raises:
            TimeoutError: There is none for a minute.
        """
        connection = await self._admin(database)
        try:
            yield connection
        finally:
            connection.terminate()

    async def _admin(self, database: str) -> Connection:
        async with asyncio.timeout(PATIENCE):
            while True:
                with contextlib.suppress(*LINK_ERRORS):
                    dsn = self.dsn("postgres", self.primary.port, database=database)
                    connection = await connect(dsn, job="chaos", timeout=5, answer_timeout=PATIENCE)
                    await connection.execute("SET idle_session_timeout = 0")
                    return connection
                await asyncio.sleep(LOOK)

    async def keep_running(self) -> None:
        """Starts the primary again whenever it has ended, as its supervisor would; runs until cancelled."""
        while True:
            await asyncio.sleep(LOOK)
            server = self.primary.server
            if self.is_held_down or server is None or server.pid is not None:
                continue
            # It may not start for as long as its disk is full: tried again.
            with contextlib.suppress(EmbeddedPostgresError):
                await self.call(server.start)
                self.starts += 1

    async def kill_primary(self) -> None:
        """Kills the postmaster as kill -9 does."""
        await self._kill(self.primary)

    async def _kill(self, place: Place) -> None:
        # In the thread that starts servers: not while it starts this one.
        if place.server is not None:
            await self.call(place.server.kill)

    async def stop_primary(self) -> None:
        """Shuts the primary down in order, without waiting for its clients."""
        if self.primary.server is not None:
            await self.call(self.primary.server.stop)

    async def make_standby(self) -> None:
        """Makes a standby of the primary at the other place, and has commits wait for it.

        Raises:
            RuntimeError: pg_basebackup failed, most likely as the primary was away.
        """
        place = self.other
        await self._kill(place)
        await self.call(place.clear)
        assert self.primary.server is not None
        await self._copy_to(place)
        (place.data_dir / "server.log").unlink(missing_ok=True)
        await self.call(place.prepare().start)
        async with self.admin() as admin:
            # What was acknowledged is on both from here on, or a failover would lose it by design.
            await admin.execute("ALTER SYSTEM SET synchronous_standby_names = '*'")
            await admin.execute("SELECT pg_reload_conf()")
            await self.until(
                admin, "EXISTS (SELECT FROM pg_stat_replication WHERE state = 'streaming' AND sync_state = 'sync')"
            )

    async def _copy_to(self, place: Place) -> None:
        for attempt in reversed(range(BACKUP_ATTEMPTS)):
            async with self.admin():
                pass  # it is there
            assert self.primary.server is not None
            command = [
                str(self.primary.server.binaries.bin_dir / "pg_basebackup"),
                *("-D", str(place.data_dir), "-h", HOST, "-p", str(self.primary.port), "-U", "postgres"),
                *("-R", "-c", "fast", "-X", "stream", "--no-sync"),
            ]
            backup = await asyncio.create_subprocess_exec(
                *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
            )
            said, _ = await backup.communicate()
            if backup.returncode == 0:
                return
            await self.call(place.clear)
            if not attempt:
                raise RuntimeError(f"pg_basebackup failed: {said.decode()}")

    async def drop_standby(self) -> None:
        """Takes the standby away, if there is one, and has nobody wait for it."""
        if self.other.server is not None:
            async with self.admin() as admin:
                await admin.execute("ALTER SYSTEM RESET synchronous_standby_names")
                await admin.execute("SELECT pg_reload_conf()")
            await self._kill(self.other)
            await self.call(self.other.clear)

    async def fail_over(self) -> float:
        """Kills the primary, for good, and promotes the standby; when, on the loop's clock, that was begun."""
        old, new = self.primary, self.other
        assert new.server is not None
        self.is_held_down = True
        try:
            await self._kill(old)
            self.primary = new
            promotion = await connect(self.dsn_of_place(new), job="chaos", timeout=5)
            try:
                promoted_at = asyncio.get_running_loop().time()
                assert await promotion.fetchval("SELECT pg_promote(true, 60)")
                await promotion.execute("ALTER SYSTEM RESET ALL")
                await promotion.execute("SELECT pg_reload_conf()")
            finally:
                promotion.terminate()
        finally:
            self.is_held_down = False
        await self.call(old.clear)
        return promoted_at

    def dsn_of_place(self, place: Place) -> str:
        """A superuser's DSN to one place, whatever it is."""
        return f"postgresql://postgres@{HOST}:{place.port}/{DATABASE}"

    @staticmethod
    async def until(connection: Connection, condition: str, *arguments: object) -> None:
        """Waits until a condition, in SQL, is true.

        Raises:
            TimeoutError: It is not for a minute.
        """
        async with asyncio.timeout(PATIENCE):
            while not await connection.fetchval(f"SELECT ({condition}) FROM pg_sleep(0.01)", *arguments):
                pass

    def log_paths(self) -> list[Path]:
        """What the servers wrote."""
        return [place.server.log_path for place in self.places if place.server is not None]

    async def close(self) -> None:
        """Ends the servers and removes all that they wrote."""
        for place in self.places:
            await self.call(functools.partial(_end, place))
        self._thread.shutdown()


def _end(place: Place) -> None:
    if place.server is not None:
        place.server.stop()
    place.close()
