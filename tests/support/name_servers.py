"""A name server that never answers, for a process of its own."""

import asyncio
import contextlib
import ipaddress
import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.support.daemons import PATIENCE

_WITHIN = 'mount --bind "$1" /etc/resolv.conf && mount --bind "$2" /etc/nsswitch.conf && shift 2 && exec "$@"'


class SilentNameServer:
    """A name server that hears questions.

    Attributes:
        wrapper: The words before a command that has it ask this server, and no other one.
    """

    def __init__(self, listening: socket.socket, wrapper: Sequence[str]) -> None:
        self._socket = listening
        self.wrapper = wrapper

    async def asked(self) -> None:
        """Waits until somebody asks."""
        async with asyncio.timeout(PATIENCE):
            await asyncio.get_running_loop().sock_recv(self._socket, 4096)


@contextlib.contextmanager
def silent_name_server(patience: int) -> Iterator[SilentNameServer]:
    """A name server that never answers, and is waited for by so many seconds; OSError where there can't be one."""
    if os.geteuid() != 0:
        raise OSError("it takes root to say where a process asks for names")
    # Of this machine's own addresses, as others may run such a test now.
    address = str(ipaddress.IPv4Address("127.0.0.0") + os.getpid())
    with (
        tempfile.TemporaryDirectory(prefix="schemad-") as directory,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening,
    ):
        listening.setblocking(False)
        listening.bind((address, 53))
        resolver, order = Path(directory) / "resolv.conf", Path(directory) / "nsswitch.conf"
        resolver.write_text(f"nameserver {address}\noptions timeout:{patience} attempts:1\n")
        order.write_text("hosts: dns\n")
        wrapper = ("unshare", "--mount", "sh", "-c", _WITHIN, "sh", str(resolver), str(order))
        try:
            subprocess.run([*wrapper, "true"], check=True, capture_output=True)
        except (FileNotFoundError, subprocess.CalledProcessError) as error:
            raise OSError(f"no file can be mounted over another here: {error}") from error
        yield SilentNameServer(listening, wrapper)
