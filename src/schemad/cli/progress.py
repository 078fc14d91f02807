"""Progress: what takes more than a moment says so on standard error, where that is a terminal."""

import contextlib
import sys
import threading
from collections.abc import Callable, Iterator

from schemad.cli.output import err

# Told what is being done, and which share of all is done; None: nobody knows.
Tell = Callable[[str, float | None], None]
# Seconds before anything is shown: what is done by then needs no progress.
MOMENT = 1.0


@contextlib.contextmanager
def progress(what: str, after: float = MOMENT) -> Iterator[Tell]:
    """Shows what is being done, for how long, and how far it is, until the block is left; then it is gone.

    Nothing else may be printed to the terminal meanwhile.

    Args:
        what: At first; the block may tell other things.
        after: Seconds before it is shown.
    """
    if not is_shown():
        yield _tell_nobody
        return
    from rich.progress import (  # noqa: PLC0415 - slow to load, and drawn on a terminal only
        BarColumn,
        Progress,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=20), TimeElapsedColumn())
    shown = Progress(*columns, console=err, transient=True)
    task = shown.add_task(what, total=None)

    def tell(now: str, done: float | None = None) -> None:
        shown.update(task, description=now, total=None if done is None else 1.0, completed=done or 0.0)

    begin = threading.Timer(after, shown.start)
    begin.daemon = True
    begin.start()
    try:
        yield tell
    finally:
        begin.cancel()
        begin.join()
        shown.stop()


def _tell_nobody(what: str, done: float | None) -> None:
    """For where there is no terminal."""


def is_shown() -> bool:
    """Whether there is a terminal that can show it; FORCE_COLOR makes none of a file."""
    return sys.stderr.isatty() and not err.is_dumb_terminal
