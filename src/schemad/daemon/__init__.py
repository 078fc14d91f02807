"""The moving parts: a listener that is woken, a worker that does the work, a daemon that keeps both running."""

from schemad.daemon.daemon import Daemon

__all__ = ["Daemon"]
