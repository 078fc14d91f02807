"""A PostgreSQL server as a direct child of this process, on 127.0.0.1, without passwords.

For development and tests only: authentication is `trust`, so every local user may connect over
TCP, and `initdb --no-sync` trades a power cut during creation for speed. POSIX systems only.

On Linux the server dies with its parent, however that ends (`setpriv --pdeathsig`). The kernel
ties this to the *thread* that started the server: call `start()` from the main thread.
"""

import contextlib
import errno
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Self

from schemad.embedded.binaries import Binaries, EmbeddedPostgresError, find_binaries
from schemad.embedded.command import command_prefix, environment, tail
from schemad.embedded.data_directory import cluster_major, initdb, locked, read_pid_file, refuse_if_running
from schemad.embedded.listen_address import (
    HOST,
    POLL_INTERVAL,
    SOCKET_PATH_BYTES,
    listenable,
    socket_dsn,
    socket_fits,
    tcp_dsn,
)

START_TIMEOUT = 60.0  # seconds; a start takes 0.03, crash recovery takes as long as it takes
IMMEDIATE_TIMEOUT = 10.0  # seconds; PostgreSQL itself kills what does not heed it, after 5


class EmbeddedPostgres:
    """One data directory and the server on it; `with EmbeddedPostgres(path) as server: ...`.

    Args:
        data_dir: Made with `initdb` where it is missing or empty, kept by `stop()`.
        port: 0 picks a free one at the first start and keeps it, so that a DSN outlives a restart.
        major: None takes the version of an existing directory, else what `find_binaries` prefers.
        settings: Server settings such as `{"fsync": "off"}`; they can't move port or addresses.
    """

    def __init__(
        self,
        data_dir: Path,
        *,
        port: int = 0,
        major: int | None = None,
        settings: Mapping[str, str] = {},
    ) -> None:
        self.data_dir = data_dir.resolve()
        self._port = port
        self._major = major
        self._settings = dict(settings)
        self._process: subprocess.Popen[bytes] | None = None
        self._short_socket_dir: Path | None = None

    @property
    def port(self) -> int:
        """The TCP port. Raises EmbeddedPostgresError while none has been picked."""
        if not self._port:
            raise EmbeddedPostgresError("no port has been picked yet; call start() first")
        return self._port

    @property
    def pid(self) -> int | None:
        """Process id of the postmaster; None while it does not run."""
        running = self._process is not None and self._process.poll() is None
        return self._process.pid if self._process and running else None

    @property
    def log_path(self) -> Path:
        """What the server writes, appended to by every start."""
        return self.data_dir / "server.log"

    @property
    def socket_dir(self) -> Path:
        """Directory of the Unix socket: the data directory, or a short one if that will not do."""
        return self._short_socket_dir or self.data_dir

    @property
    def binaries(self) -> Binaries:
        """The installation that fits. Raises EmbeddedPostgresError if none does."""
        cluster = cluster_major(self.data_dir)
        if cluster and self._major and cluster != self._major:
            raise EmbeddedPostgresError(
                f"{self.data_dir} was made by PostgreSQL {cluster}, asked for {self._major}; "
                f"ask for {cluster}, or choose another data directory"
            )
        return find_binaries(cluster or self._major)

    def dsn(self, database: str = "postgres", user: str = "postgres") -> str:
        """URI for TCP, for libpq and asyncpg alike."""
        return tcp_dsn(self.port, database, user)

    def socket_dsn(self, database: str = "postgres", user: str = "postgres") -> str:
        """URI for the Unix socket, for libpq and asyncpg alike."""
        return socket_dsn(self.socket_dir, self.port, database, user)

    def start(self) -> None:
        """Starts the server; it accepts connections by then (initdb takes 0.5 s, a start 0.05 s).

        Raises:
            AlreadyRunning: A server has the directory.
            BinariesNotFound: No installation fits.
            EmbeddedPostgresError: Something else is in the way: another major version, a directory that is no
                cluster, a busy port, a root user that can't step down, a server that ends (with its last lines).
                Nothing is left running then.
        """
        if self._process is not None:
            self._process.poll()  # an unreaped postmaster still counts as alive for PostgreSQL
        asked_port = self._port
        with locked(self.data_dir):
            refuse_if_running(self.data_dir)
            binaries = self.binaries
            owner = self.data_dir.stat()
            prefix = command_prefix(binaries.postgres, os.geteuid(), owner.st_uid, owner.st_gid)
            if cluster_major(self.data_dir) is None:
                initdb(binaries, prefix, self.data_dir)
            try:
                self._make_short_socket_dir()
                self._launch(binaries, prefix)
            except BaseException:
                self._port = asked_port
                self.kill()
                raise

    def stop(self, timeout: float = 10.0) -> None:
        """Shuts down in order (fast), after `timeout` seconds at once (immediate), then by force.

        Where no server runs, nothing happens.
        """
        for how, seconds in ((signal.SIGINT, timeout), (signal.SIGQUIT, IMMEDIATE_TIMEOUT)):
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(how)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """Kills the postmaster by SIGKILL and reaps it: a crash. `start()` then goes through recovery."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        if self._short_socket_dir is not None:
            shutil.rmtree(self._short_socket_dir, ignore_errors=True)
            self._short_socket_dir = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()

    def _launch(self, binaries: Binaries, prefix: tuple[str, ...]) -> None:
        deadline = time.monotonic() + START_TIMEOUT
        pick_port = not self._port
        while True:
            self._port = listenable(0 if pick_port else self._port)
            with self.log_path.open("ab") as log:
                offset = log.tell()
                self._process = self._spawn(binaries, prefix, log)
            while self._process.poll() is None and time.monotonic() < deadline:
                # setpriv and unshare exec what they start, so the pid stays the child's.
                postmaster = read_pid_file(self.data_dir)
                if postmaster.ready and postmaster.pid == self._process.pid:
                    return
                time.sleep(POLL_INTERVAL)
            said = self.log_path.read_bytes()[offset:].decode(errors="replace")
            in_time = time.monotonic() < deadline
            if in_time and "pre-existing shared memory block" in said:
                # Backends outlive a killed postmaster for a moment; PostgreSQL waits for no one.
                time.sleep(POLL_INTERVAL)
            elif not (in_time and pick_port and os.strerror(errno.EADDRINUSE) in said):
                refuse_if_running(self.data_dir)  # lost a race against one started by hand
                raise EmbeddedPostgresError(
                    f"PostgreSQL {binaries.major} did not start on {self.data_dir}"
                    f"{'' if in_time else f' within {START_TIMEOUT:.0f} s'}; "
                    f"the end of {self.log_path}:\n{tail(said)}"
                )

    def _spawn(self, binaries: Binaries, prefix: tuple[str, ...], log: IO[bytes]) -> subprocess.Popen[bytes]:
        settings = [f"--{name}={value}" for name, value in self._settings.items()]
        command = [*prefix, str(binaries.postgres), "-D", str(self.data_dir), *settings]
        # A session of its own: Ctrl-C is for the program, which then stops the server in order.
        return subprocess.Popen(
            [*command, "-k", str(self.socket_dir), "-p", str(self._port), "-h", HOST],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=self.data_dir,
            env=environment(),
            start_new_session=True,
        )

    def _make_short_socket_dir(self) -> None:
        if self._short_socket_dir is not None or socket_fits(self.data_dir):
            return
        self._short_socket_dir = Path(tempfile.mkdtemp(prefix="schemad-")).resolve()
        if not socket_fits(self._short_socket_dir):
            raise EmbeddedPostgresError(
                f"a Unix socket path has at most {SOCKET_PATH_BYTES} bytes and no comma, which "
                f"fits neither {self.data_dir} nor {self._short_socket_dir}; set TMPDIR to a "
                "shorter path"
            )
        if os.geteuid() == 0:
            owner = self.data_dir.stat()
            os.chown(self._short_socket_dir, owner.st_uid, owner.st_gid)
