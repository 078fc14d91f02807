"""How a daemon is seen: what it logs, what it counts, how it says that it is well, and over what."""

from schemad.observe.logs import configure_logging

__all__ = ["configure_logging"]
