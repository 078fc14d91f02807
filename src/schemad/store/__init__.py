"""The control tables: connecting to them, installing them, the queue in them, and what people ask of them."""

from schemad.store.connect import Connection, connect
from schemad.store.decided import DecidedRequest
from schemad.store.migrate import SchemaMismatch, migrate
from schemad.store.queue import Outcome, Queue, Result
from schemad.store.queued import QueuedRequest

__all__ = [
    "Connection",
    "DecidedRequest",
    "Outcome",
    "Queue",
    "QueuedRequest",
    "Result",
    "SchemaMismatch",
    "connect",
    "migrate",
]
