"""A service manager's side of its protocol, for tests."""

import asyncio
import contextlib
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from tests.support.daemons import PATIENCE


class Manager:
    """Hears what a daemon tells its service manager.

    Attributes:
        heard: The messages, in their order.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.setblocking(False)
        self._socket.bind(address.replace("@", "\0", 1))
        self.heard: list[str] = []

    def environment(self, watchdog: float | None = None) -> dict[str, str]:
        """What it tells a daemon; with a watchdog of so many seconds."""
        told = {"NOTIFY_SOCKET": self._address}
        if watchdog is not None:
            told |= {"WATCHDOG_USEC": str(round(watchdog * 1e6)), "WATCHDOG_PID": str(os.getpid())}
        return told

    def listen(self) -> list[str]:
        """What was said since the last time."""
        before = len(self.heard)
        with contextlib.suppress(BlockingIOError):
            while True:
                self.heard.append(self._socket.recv(65536).decode())
        return self.heard[before:]

    async def told(self, beginning: str) -> str:
        """Waits for a message with that beginning, from now on; the message."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(PATIENCE):
            while True:
                message = (await loop.sock_recv(self._socket, 65536)).decode()
                self.heard.append(message)
                if message.startswith(beginning):
                    return message

    def close(self) -> None:
        """It is gone, with its socket."""
        self._socket.close()
        if self._address.startswith("/"):
            Path(self._address).unlink(missing_ok=True)


@contextlib.contextmanager
def service_manager(directory: Path) -> Iterator[Manager]:
    """A manager, with its socket in that directory."""
    manager = Manager(str(directory / "notify"))
    try:
        yield manager
    finally:
        manager.close()
