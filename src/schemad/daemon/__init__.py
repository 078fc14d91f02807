"""The moving parts: a listener that is woken, a worker, a pruner, and a daemon that keeps them at it."""

from schemad.daemon.daemon import Daemon
from schemad.daemon.supervisor import GaveUp

__all__ = ["Daemon", "GaveUp"]
