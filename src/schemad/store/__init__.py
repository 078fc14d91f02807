"""The control tables: installing them, the queue in them, and what people ask of them."""

from schemad.store.connect import Connection, connect
from schemad.store.migrate import SchemaMismatch, migrate
from schemad.store.outcomes import Outcome
from schemad.store.queue import Applied, Queue, Result
from schemad.store.queued import QueuedRequest

__all__ = [
    "Applied",
    "Connection",
    "Outcome",
    "Queue",
    "QueuedRequest",
    "Result",
    "SchemaMismatch",
    "connect",
    "migrate",
]
