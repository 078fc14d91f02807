"""What happened, for operators: log lines with one event name for each decision."""

from schemad.observe.logs import configure_logging

__all__ = ["configure_logging"]
