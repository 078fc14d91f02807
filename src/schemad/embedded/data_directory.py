"""The data directory: what is in it, whether a server has it, and how it is made."""

import contextlib
import fcntl
import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from schemad.embedded.binaries import Binaries, EmbeddedPostgresError
from schemad.embedded.command import NOBODY, environment, tail
from schemad.embedded.listen_address import tcp_dsn

SSL_REQUEST = bytes.fromhex("00000008 04d2162f")  # answered with one byte, before any login


class AlreadyRunning(EmbeddedPostgresError):
    """A server, of this or another process, has the data directory: `pid`, `port`, `dsn`."""

    def __init__(self, data_dir: Path, pid: int, port: int) -> None:
        self.pid, self.port, self.dsn = pid, port, tcp_dsn(port, "postgres", "postgres")
        super().__init__(
            f"a server already runs on {data_dir}: pid {pid}, port {port}; "
            "use that one, stop it, or choose another data directory"
        )


class PidFile(NamedTuple):
    """What a postmaster says of itself; 0 and "" for what it does not say, or not yet."""

    pid: int
    port: int
    socket_dir: str
    ready: bool


def read_pid_file(data_dir: Path) -> PidFile:
    """Reads `postmaster.pid`."""
    try:
        lines = (data_dir / "postmaster.pid").read_text().splitlines()
    except FileNotFoundError:
        lines = []
    lines += [""] * 8
    pid = lines[0].removeprefix("-")  # negative for a single-user backend
    return PidFile(int(pid or 0), int(lines[3] or 0), lines[4], lines[7].strip() == "ready")


def refuse_if_running(data_dir: Path) -> None:
    """Raises AlreadyRunning if the data directory is in use; a stale pid file is no obstacle."""
    pid, port, socket_dir, _ = read_pid_file(data_dir)
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
    except ProcessLookupError:
        return  # PostgreSQL clears the file itself, after a look for backends left over
    except PermissionError:
        is_ours = False  # by now: whoever can't signal it could not run a postmaster in this directory either
    else:
        is_ours = _works_in(pid, data_dir)
    if is_ours:
        raise AlreadyRunning(data_dir, pid, port)
    # The pid is a stranger's by now, or a zombie's. PostgreSQL takes either for a live server.
    (data_dir / "postmaster.pid").unlink(missing_ok=True)


def _works_in(pid: int, data_dir: Path) -> bool:
    """Whether a process may be a postmaster of it, as that works in its data directory."""
    try:
        return sys.platform != "linux" or Path(f"/proc/{pid}/cwd").samefile(data_dir)
    except PermissionError:
        return True
    except FileNotFoundError:
        return False


def cluster_major(data_dir: Path) -> int | None:
    """The major version of the cluster in it; None where it is missing or empty.

    Raises:
        EmbeddedPostgresError: It holds something else.
    """
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
def locked(data_dir: Path) -> Iterator[None]:
    """Makes the directory and lets one start at a time into it; the kernel frees a dead one's.

    Raises:
        EmbeddedPostgresError: It is no directory, or can't be entered.
    """
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


def initdb(binaries: Binaries, prefix: tuple[str, ...], data_dir: Path) -> None:
    """Makes a cluster in it, with `trust` for everybody who reaches the server.

    Args:
        binaries: Of the version that it is to have.
        prefix: What to put before the command: see `command_prefix()`.
        data_dir: Empty; and empty again where that fails.

    Raises:
        EmbeddedPostgresError: initdb failed; with its last lines.
    """
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
            env=environment(),
        )
    except BaseException as error:
        # Half a cluster would pass for one at the next start. The directory was empty before.
        shutil.rmtree(data_dir, ignore_errors=True)
        if not isinstance(error, subprocess.CalledProcessError):
            raise
        said = tail(error.stdout.decode(errors="replace"))
        raise EmbeddedPostgresError(f"initdb could not create {data_dir}:\n{said}") from None
