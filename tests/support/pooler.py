"""PgBouncer before a server, where it is installed."""

import contextlib
import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from tests.support.daemons import PATIENCE

PROGRAM = shutil.which("pgbouncer") or shutil.which("pgbouncer", path="/usr/sbin")
NO_POOLER_REASON = "no pgbouncer here: apt-get install pgbouncer"
NOBODY = "65534"


@contextlib.contextmanager
def running_pooler(dsn: str, **settings: str) -> Iterator[str]:
    """PgBouncer in transaction mode before the server of a DSN; yields the DSN that leads through it.

    Args:
        dsn: The database.
        settings: Of PgBouncer, besides or instead of what is set here.
    """
    assert PROGRAM is not None
    there = urlsplit(dsn)
    with tempfile.TemporaryDirectory(prefix="schemad-") as directory, socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
        free.close()
        place = Path(directory)
        place.chmod(0o755)
        values = {
            "listen_addr": "127.0.0.1",
            "listen_port": str(port),
            "auth_type": "any",
            "pool_mode": "transaction",
            "unix_socket_dir": "",
        } | settings
        login = f"host={there.hostname} port={there.port} user={there.username}"
        config = place / "pgbouncer.ini"
        lines = [f"{name} = {value}" for name, value in values.items()]
        config.write_text("\n".join(["[databases]", f"* = {login}", "[pgbouncer]", *lines]))
        # It refuses to run as root.
        prefix = ["setpriv", "--reuid", NOBODY, "--regid", NOBODY, "--clear-groups"] if os.geteuid() == 0 else []
        with subprocess.Popen(
            [*prefix, PROGRAM, "-q", str(config)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        ) as pooler:
            try:
                _wait_for(port)
                yield urlunsplit(there._replace(netloc=f"{there.username}@127.0.0.1:{port}"))
            finally:
                pooler.kill()


def _wait_for(port: int) -> None:
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.01)
    raise TimeoutError("pgbouncer does not answer")
