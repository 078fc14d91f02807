"""The moving parts: a listener that is woken, a worker, a pruner, and a daemon that keeps them running."""

from schemad.daemon.daemon import Daemon

__all__ = ["Daemon"]
