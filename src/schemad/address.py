"""Addresses to serve on, as a setting names them: host and port, or a port alone."""

import re
from dataclasses import dataclass

# What serves only this machine: a port without a host is not meant for the world.
LOOPBACK = "127.0.0.1"
_FORMS = "write 127.0.0.1:9187, [::1]:9187, or 9187 for 127.0.0.1:9187"
# A name, an IPv4 address, or an IPv6 address in brackets; each may be left out together with its colon.
_ADDRESS = re.compile(r"(?:(?:\[(?P<v6>[0-9a-fA-F:.]+(?:%\w+)?)\]|(?P<name>[\w.-]*)):)?(?P<port>[0-9]{1,5})")


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server listens.

    Attributes:
        host: A name, or an IPv4 or IPv6 address without brackets.
        port: From 0 to 65535; 0 has the system choose a free one.
    """

    host: str
    port: int

    @classmethod
    def parse(cls, text: str) -> "Address":
        """Reads `host:port`, `[IPv6]:port`, `:port` or `port`; the latter two mean the loopback interface.

        Raises:
            ValueError: It is none of these; the message says what would be.
        """
        match = _ADDRESS.fullmatch(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is no address: {_FORMS}")
        port = int(match["port"])
        if port > 65535:
            raise ValueError(f"port {port} is over 65535: {_FORMS}")
        return cls(match["v6"] or match["name"] or LOOPBACK, port)

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"
