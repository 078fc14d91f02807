"""`schemad run`: the daemon."""

import asyncio
import faulthandler
import os
import sys
import threading
from collections.abc import Coroutine
from typing import Any, TypeVar

import typer

from schemad.cli.exit_code import ExitCode
from schemad.cli.options import Dsn, settings_with
from schemad.daemon import Daemon, GaveUp
from schemad.daemon.reload import warn_of_unknown
from schemad.daemon.service_manager import ServiceManager
from schemad.observe.logs import configure_logging, logger
from schemad.settings import unknown_variables

Result = TypeVar("Result")
# Seconds that the loop has for closing, once the daemon has ended in order.
CLOSED_WITHIN = 1.0


def add_to(app: typer.Typer) -> None:
    """Adds the verb."""
    app.command()(run)


def run(dsn: Dsn = None) -> None:
    """Run the daemon until SIGTERM or Ctrl-C. Settings are environment variables: docs/reference/settings.md.

    SIGHUP reads the settings anew. A second SIGTERM or Ctrl-C stops without waiting for the batch in hand.
    It exits with 4 where a part of it failed over and over.
    """
    settings = settings_with(dsn)
    configure_logging(settings.log_format, settings.log_level)
    # A service manager ends what its watchdog finds stuck by SIGABRT: where it is stuck is then told.
    faulthandler.enable()
    warn_of_unknown(unknown_variables(), logger())
    manager = ServiceManager(os.environ, logger())
    run_fast(_to_its_end(Daemon(settings, load_settings=lambda: settings_with(dsn), manager=manager)))


async def _to_its_end(daemon: Daemon) -> None:
    """Runs the daemon, and sees to it that names which are still looked up hold nothing up."""
    asyncio.get_running_loop().set_exception_handler(_tell_late_error)
    await daemon.run()
    # A look-up can't be cut short, and the loop would wait for it: as long as a resolver waits for its servers.
    ending = threading.Timer(CLOSED_WITHIN, os._exit, [0])
    ending.daemon = True
    ending.start()


def _tell_late_error(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Tells what failed with nobody waiting for it any more.

    uvloop goes on looking up a name after the attempt to connect was given up, and nobody asks what became of it.
    """
    if isinstance(error := context.get("exception"), OSError):
        log = logger()
        log.debug("link.late_error", error=str(error))
    else:
        loop.default_exception_handler(context)


def run_fast(main: Coroutine[Any, Any, Result]) -> Result:
    """Runs a coroutine on uvloop, or on asyncio's own loop where there is none; what it returns.

    Where a daemon in it gave up, that is told, and ends the program.
    """
    try:
        if sys.platform == "win32":
            return asyncio.run(main)
        import uvloop  # noqa: PLC0415 - there is none for Windows, where this is not reached

        return uvloop.run(main)
    except GaveUp as error:
        from schemad.cli.output import print_error  # noqa: PLC0415 - it loads rich, 5 MB that no daemon at work needs

        print_error(str(error))
        raise typer.Exit(ExitCode.GAVE_UP) from error
