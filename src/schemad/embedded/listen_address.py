"""Where a server listens: a port on 127.0.0.1, and a Unix socket whose path the system takes."""

import errno
import os
import socket
import sys
import time
from pathlib import Path
from urllib.parse import quote

from schemad.embedded.binaries import EmbeddedPostgresError

HOST = "127.0.0.1"
PORT_TIMEOUT = 0.5  # seconds; children of a killed postmaster hold its port for a moment
POLL_INTERVAL = 0.01  # seconds
SOCKET_PATH_BYTES = 107 if sys.platform == "linux" else 103  # sun_path less its NUL


def tcp_dsn(port: int, database: str, user: str) -> str:
    """URI for TCP, for libpq and asyncpg alike."""
    return f"postgresql://{quote(user, safe='')}@{HOST}:{port}/{quote(database, safe='')}"


def socket_dsn(directory: Path, port: int, database: str, user: str) -> str:
    """URI for the Unix socket in a directory, for libpq and asyncpg alike."""
    where = f"host={quote(str(directory), safe='')}&port={port}"
    return f"postgresql://{quote(user, safe='')}@/{quote(database, safe='')}?{where}"


def listenable(port: int) -> int:
    """The port, or a free one for 0, after a look whether it can be listened on.

    Raises:
        EmbeddedPostgresError: It can't, also not after a moment.
    """
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


def socket_fits(directory: Path) -> bool:
    """Whether a socket in a directory has a path that the system and PostgreSQL take."""
    # A comma ends the path, for the server's list of directories as for a client's of hosts.
    path = os.fsencode(directory / ".s.PGSQL.65535")
    return len(path) <= SOCKET_PATH_BYTES and b"," not in path
