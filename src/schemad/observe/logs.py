"""Logs: structlog lines on standard error, as JSON or for a terminal. No other module imports structlog."""

import contextlib
import logging
import sys
from collections.abc import Iterator
from typing import Any, cast

from schemad.settings import LogFormat, LogLevel


@contextlib.contextmanager
def _without(package: str) -> Iterator[None]:
    """Has an import of a package fail meanwhile, as if it were not installed; unless it is in memory anyway."""
    if package in sys.modules:
        yield
        return
    modules = cast("dict[str, Any]", sys.modules)
    modules[package] = None
    try:
        yield
    finally:
        del modules[package]


# Where there is a rich, structlog takes it for tracebacks in colour: 5 MB for as long as the daemon runs.
with _without("rich"):
    import structlog
    from structlog.typing import FilteringBoundLogger

Log = FilteringBoundLogger


def logger() -> Log:
    """Where schemad tells what it does."""
    log: Log = structlog.get_logger("schemad")
    return log


def configure_logging(log_format: LogFormat, log_level: LogLevel) -> None:
    """Sets up logging for the process.

    Args:
        log_format: json, console, or auto: console on a terminal and JSON elsewhere.
        log_level: The least severity that is logged.
    """
    on_terminal = sys.stderr.isatty()
    console = log_format is LogFormat.CONSOLE or (log_format is LogFormat.AUTO and on_terminal)
    ends: list[structlog.typing.Processor] = (
        [structlog.dev.ConsoleRenderer(colors=on_terminal)]
        if console
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *ends,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(
            logging.getLevelNamesMapping()[log_level.value.upper()]
        ),
        logger_factory=structlog.WriteLoggerFactory(file=sys.stderr),
        cache_logger_on_first_use=False,
    )
