"""A PostgreSQL server as a direct child of this process, on 127.0.0.1, without passwords.

For development and tests only: authentication is `trust`, so every local user may connect over
TCP, and `initdb --no-sync` trades a power cut during creation for speed. POSIX systems only.

On Linux the server dies with its parent, however that ends (`setpriv --pdeathsig`). The kernel
ties this to the *thread* that started the server: call `start()` from the main thread.
"""

import contextlib
import errno
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from functools import lru_cache
from pathlib import Path
from typing import IO, NamedTuple, Self
from urllib.parse import quote

from schemad.embedded.binaries import Binaries, EmbeddedPostgresError, find_binaries

HOST = "127.0.0.1"
START_TIMEOUT = 60.0  # seconds; a start takes 0.03, crash recovery takes as long as it takes
IMMEDIATE_TIMEOUT = 10.0  # seconds; PostgreSQL itself kills what does not heed it, after 5
PORT_TIMEOUT = 0.5  # seconds; children of a killed postmaster hold its port for a moment
POLL_INTERVAL = 0.01  # seconds
SSL_REQUEST = bytes.fromhex("00000008 04d2162f")  # answered with one byte, before any login
NOBODY = 65534
SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103  # sun_path less its NUL
LOG_LINES = 15


class AlreadyRunning(EmbeddedPostgresError):
    """A server, of this or another process, has the data directory: `pid`, `port`, `dsn`."""

    def __init__(self, data_dir: Path, pid: int, port: int) -> None:
        self.pid, self.port, self.dsn = pid, port, _tcp_dsn(port, "postgres", "postgres")
        super().__init__(
            f"a server already runs on {data_dir}: pid {pid}, port {port}, {self.dsn}; "
            "use that one, stop it, or choose another data directory"
        )


class EmbeddedPostgres:
    """One data directory and the server on it; `with EmbeddedPostgres(path) as server: ...`.

    data_dir: created with `initdb` when missing or empty, kept by `stop()`.
    port: 0 picks a free one at the first start and keeps it, so that a DSN outlives a restart.
    major: None takes the version of an existing directory, else what `find_binaries` prefers.
    settings: server settings such as `{"fsync": "off"}`; they cannot move port or addresses.
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
        cluster = _cluster_major(self.data_dir)
        if cluster and self._major and cluster != self._major:
            raise EmbeddedPostgresError(
                f"{self.data_dir} was made by PostgreSQL {cluster}, asked for {self._major}; "
                f"ask for {cluster}, or choose another data directory"
            )
        return find_binaries(cluster or self._major)

    def dsn(self, database: str = "postgres", user: str = "postgres") -> str:
        """URI for TCP, for libpq and asyncpg alike."""
        return _tcp_dsn(self.port, database, user)

    def socket_dsn(self, database: str = "postgres", user: str = "postgres") -> str:
        """URI for the Unix socket, for libpq and asyncpg alike."""
        where = f"host={quote(str(self.socket_dir), safe='')}&port={self.port}"
        return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?{where}"

    def start(self) -> None:
        """Return when the server accepts connections (initdb 0.5 s, start 0.05 s).

        Raises AlreadyRunning, BinariesNotFound, or EmbeddedPostgresError for what else is in the
        way: another major version, a directory that is no cluster, a busy port, a root user that
        cannot step down, a server that ends (with its last lines). Nothing is left running then.
        """
        if self._process is not None:
            self._process.poll()  # an unreaped postmaster still counts as alive for PostgreSQL
        asked_port = self._port
        with _locked(self.data_dir):
            _refuse_if_running(self.data_dir)
            binaries = self.binaries
            owner = self.data_dir.stat()
            prefix = _prefix(binaries.postgres, os.geteuid(), owner.st_uid, owner.st_gid)
            if _cluster_major(self.data_dir) is None:
                _initdb(binaries, prefix, self.data_dir)
            try:
                self._make_short_socket_dir()
                self._launch(binaries, prefix)
            except BaseException:
                self._port = asked_port
                self.kill()
                raise

    def stop(self, timeout: float = 10.0) -> None:
        """Shut down in order (fast), after `timeout` seconds at once (immediate), then by force.

        Does nothing when no server runs.
        """
        for how, seconds in ((signal.SIGINT, timeout), (signal.SIGQUIT, IMMEDIATE_TIMEOUT)):
            if self._process is not None and self._process.poll() is None:
                self._process.send_signal(how)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(seconds)
        self.kill()

    def kill(self) -> None:
        """SIGKILL the postmaster and reap it: a crash. `start()` then goes through recovery."""
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
            self._port = _listenable(0 if pick_port else self._port)
            with self.log_path.open("ab") as log:
                offset = log.tell()
                self._process = self._spawn(binaries, prefix, log)
            while self._process.poll() is None and time.monotonic() < deadline:
                # setpriv and unshare exec what they start, so the pid stays the child's.
                postmaster = _read_pid_file(self.data_dir)
                if postmaster.ready and postmaster.pid == self._process.pid:
                    return
                time.sleep(POLL_INTERVAL)
            said = self.log_path.read_bytes()[offset:].decode(errors="replace")
            in_time = time.monotonic() < deadline
            if in_time and "pre-existing shared memory block" in said:
                # Backends outlive a killed postmaster for a moment; PostgreSQL waits for no one.
                time.sleep(POLL_INTERVAL)
            elif not (in_time and pick_port and os.strerror(errno.EADDRINUSE) in said):
                _refuse_if_running(self.data_dir)  # lost a race against one started by hand
                raise EmbeddedPostgresError(
                    f"PostgreSQL {binaries.major} did not start on {self.data_dir}"
                    f"{'' if in_time else f' within {START_TIMEOUT:.0f} s'}; "
                    f"the end of {self.log_path}:\n{_tail(said)}"
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
            env=_environment(),
            start_new_session=True,
        )

    def _make_short_socket_dir(self) -> None:
        if self._short_socket_dir is not None or _socket_fits(self.data_dir):
            return
        self._short_socket_dir = Path(tempfile.mkdtemp(prefix="schemad-")).resolve()
        if not _socket_fits(self._short_socket_dir):
            raise EmbeddedPostgresError(
                f"a Unix socket path has at most {SOCKET_PATH_BYTES} bytes and no comma, which "
                f"fits neither {self.data_dir} nor {self._short_socket_dir}; set TMPDIR to a "
                "shorter path"
            )
        if os.geteuid() == 0:
            owner = self.data_dir.stat()
            os.chown(self._short_socket_dir, owner.st_uid, owner.st_gid)


class _PidFile(NamedTuple):
    pid: int
    port: int
    socket_dir: str
    ready: bool


def _read_pid_file(data_dir: Path) -> _PidFile:
    """What `postmaster.pid` says; 0 and "" for what it does not say, or not yet."""
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        lines = []
    lines += [""] * 8
    pid = lines[0].removeprefix("-")  # negative for a single-user backend
    return _PidFile(int(pid or 0), int(lines[3] or 0), lines[4], lines[7].strip() == "ready")


def _refuse_if_running(data_dir: Path) -> None:
    """Raise AlreadyRunning if the data directory is in use; a stale pid file is no obstacle."""
    pid, port, socket_dir, _ = _read_pid_file(data_dir)
    if not pid:
        return
    with socket.socket(socket.AF_UNIX) as client, contextlib.suppress(OSError):
        # An answer is evidence across pid namespaces too: containers on the same volume. That it
        # connects is none: just after a kill, a child of the postmaster may still hold the socket.
        client.settimeout(1)
        client.connect(f"{socket_dir}/.s.PGSQL.{port}")
        client.sendall(SSL_REQUEST)
        if client.recv(1):
            raise AlreadyRunning(data_dir, pid, port)
    try:
        os.kill(pid, 0)
        # A postmaster works in its data directory.
        in_use = sys.platform != "linux" or Path(f"/proc/{pid}/cwd").samefile(data_dir)
    except ProcessLookupError:
        return  # PostgreSQL clears the file itself, after a look for backends left over
    except PermissionError:
        in_use = True
    except FileNotFoundError:
        in_use = False
    if in_use:
        raise AlreadyRunning(data_dir, pid, port)
    # The pid is a stranger's by now, or a zombie's. PostgreSQL takes either for a live server.
    (data_dir / "postmaster.pid").unlink(missing_ok=True)


def _cluster_major(data_dir: Path) -> int | None:
    """Major version of the cluster in `data_dir`, None if it is missing or empty."""
    try:
        return int((data_dir / "PG_VERSION").read_text())
    except FileNotFoundError:
        if not data_dir.exists() or not any(data_dir.iterdir()):
            return None
    except (NotADirectoryError, ValueError):
        pass
    raise EmbeddedPostgresError(
        f"{data_dir} is not empty and holds no PostgreSQL cluster; choose a missing or empty directory"
    )


@contextlib.contextmanager
def _locked(data_dir: Path) -> Iterator[None]:
    """Create the directory and let one start at a time into it; the kernel frees a dead one's."""
    try:
        data_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(data_dir, os.O_RDONLY | os.O_DIRECTORY)
    except (FileExistsError, NotADirectoryError):
        raise EmbeddedPostgresError(f"{data_dir} is not a directory; choose another path") from None
    except PermissionError as error:
        raise EmbeddedPostgresError(
            f"no access to {error.filename}; run as its owner, or choose another data directory"
        ) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


@lru_cache
def _prefix(postgres: Path, user: int, owner: int, group: int) -> tuple[str, ...]:
    """What to put before a command so that it may run, and on Linux dies with this process.

    PostgreSQL refuses root. A user namespace needs no other user and no chown, but not every
    container allows one; and a directory that belongs to somebody is served as that somebody.
    Each way is tried with `postgres --version`.
    """
    setpriv = ("setpriv", "--pdeathsig", "INT")
    ways: list[tuple[str, ...]] = []
    if user != 0:
        ways = [setpriv, ()] if sys.platform == "linux" else [()]
    else:
        if owner == 0:
            mapped = (f"--map-user={NOBODY}", f"--map-group={NOBODY}")
            ways.append((*setpriv, "unshare", "--user", *mapped))
        ids = (f"--reuid={owner or NOBODY}", f"--regid={group if owner else NOBODY}")
        ways.append(("setpriv", *ids, "--clear-groups", *setpriv[1:]))
    for way in ways:
        command = [*way, str(postgres), "--version"]
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            subprocess.run(command, check=True, capture_output=True, cwd=postgres.parent)
            return way
    raise EmbeddedPostgresError(
        "PostgreSQL refuses to run as root, and neither `unshare --user` nor `setpriv --reuid` "
        f"could start {postgres}; run as a normal user, or install util-linux and see that "
        f"user {owner or NOBODY} can reach that file"
    )


def _initdb(binaries: Binaries, prefix: tuple[str, ...], data_dir: Path) -> None:
    if any(each.startswith("--reuid") for each in prefix) and data_dir.stat().st_uid == 0:
        os.chown(data_dir, NOBODY, NOBODY)
    # macOS has no C.UTF-8; C sorts alike and knows the case of ASCII only.
    locale = "C.UTF-8" if sys.platform == "linux" else "C"
    command = [*prefix, str(binaries.initdb), "-D", str(data_dir), "-U", "postgres", "-A", "trust"]
    command += ["-E", "UTF8", f"--locale={locale}", "--no-sync"]
    try:
        subprocess.run(
            command,
            check=True,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=data_dir,
            env=_environment(),
        )
    except BaseException as error:
        # Half a cluster would pass for one at the next start. The directory was empty before.
        shutil.rmtree(data_dir, ignore_errors=True)
        if not isinstance(error, subprocess.CalledProcessError):
            raise
        said = _tail(error.stdout.decode(errors="replace"))
        raise EmbeddedPostgresError(f"initdb could not create {data_dir}:\n{said}") from None


def _listenable(port: int) -> int:
    """Return `port`, or a free one for 0, after a look whether it can be listened on."""
    deadline = time.monotonic() + PORT_TIMEOUT
    while True:
        with socket.socket() as probe:
            # As PostgreSQL does: connections that are winding down do not make a port busy.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((HOST, port))
            except OSError as error:
                if error.errno != errno.EADDRINUSE or time.monotonic() > deadline:
                    raise EmbeddedPostgresError(
                        f"cannot listen on {HOST}:{port} ({error.strerror}); "
                        "choose another port, or 0 for a free one"
                    ) from None
            else:
                return int(probe.getsockname()[1])
        time.sleep(POLL_INTERVAL)


def _socket_fits(directory: Path) -> bool:
    # A comma ends the path, for the server's list of directories as for a client's of hosts.
    path = os.fsencode(directory / ".s.PGSQL.65535")
    return len(path) <= SOCKET_PATH_BYTES and b"," not in path


def _environment() -> dict[str, str]:
    """Messages in English, whatever the terminal speaks: some of them are understood here."""
    return {**os.environ, "LC_ALL": "C"}


def _tcp_dsn(port: int, database: str, user: str) -> str:
    return f"postgresql://{quote(user, safe='')}@{HOST}:{port}/{quote(database, safe='')}"


def _tail(text: str) -> str:
    return "\n".join(text.splitlines()[-LOG_LINES:]) or "(nothing was written)"
