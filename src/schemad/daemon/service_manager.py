"""The service manager: what systemd, or whoever speaks its protocol, is told of the daemon.

The protocol is a datagram of `NAME=value` lines to the socket that $NOTIFY_SOCKET names: see sd_notify(3).
"""

import contextlib
import os
import socket
import time
from collections.abc import Mapping

from schemad.observe.logs import Log

SOCKET_VARIABLE = "NOTIFY_SOCKET"
MICROSECONDS = 1_000_000
LONGEST_STATUS = 500


class ServiceManager:
    """Tells the service manager; without one, nothing happens.

    Args:
        environment: Names the socket, and how often the watchdog is to be fed.
        log: Where it is told, once, that the socket does not work.
    """

    def __init__(self, environment: Mapping[str, str], log: Log) -> None:
        self._log = log
        self._address = _address(environment.get(SOCKET_VARIABLE, ""))
        self._status = ""
        self._is_deaf = False
        # Seconds after which it takes the daemon for dead, unless the watchdog was fed; None: it does not watch.
        self.watchdog_period = _watchdog_period(environment) if self._address else None

    @property
    def is_there(self) -> bool:
        """Whether there is anybody to tell."""
        return self._address is not None

    def ready(self) -> None:
        """The daemon works; or works again, after `reloading()`."""
        self._send("READY=1")

    def reloading(self) -> None:
        """It reads its settings anew; `ready()` has to follow. The time tells managers which reload is meant."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}")

    def stopping(self, deadline: float) -> None:
        """It stops, and may take so many seconds."""
        self._send(f"STOPPING=1\nEXTEND_TIMEOUT_USEC={round(deadline * MICROSECONDS)}")

    def alive(self) -> None:
        """Feeds the watchdog."""
        self._send("WATCHDOG=1")

    def status(self, text: str) -> None:
        """What it does, in a line for people; sent if it is another than before."""
        # An error may have several lines, and a line break would begin another message.
        line = " ".join(text.split())[:LONGEST_STATUS]
        if line != self._status:
            self._status = line
            self._send(f"STATUS={line}")

    def _send(self, message: str) -> None:
        if self._address is None:
            return
        try:
            with contextlib.closing(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)) as sending:
                sending.setblocking(False)  # a manager that does not read must not hold the daemon up
                sending.sendto(message.encode(), self._address)
        except OSError as error:
            if not self._is_deaf:
                self._log.warning(
                    "service_manager.deaf", socket=self._address.replace("\0", "@"), error=str(error)
                )
            self._is_deaf = True
        else:
            self._is_deaf = False


def _address(name: str) -> str | None:
    """The socket's address: `@` stands for the NUL of Linux's abstract ones."""
    if name.startswith("@"):
        return "\0" + name[1:]
    return name if name.startswith("/") else None


def _watchdog_period(environment: Mapping[str, str]) -> float | None:
    """Seconds, where it is this process that is watched."""
    period, process = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not (period.isascii() and period.isdigit() and int(period)):
        return None
    return None if process not in {"", str(os.getpid())} else int(period) / MICROSECONDS
