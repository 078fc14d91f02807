"""The directory of a run: in memory where there is such a place, and kept where a run failed."""

import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

TERMINATED = 143


def exit_code(run: Callable[[Path], Coroutine[Any, Any, bool]]) -> int:
    """Does a run in a directory of its own.

    Args:
        run: Returns whether all was as it should be, and prints what is to be seen of it.

    Returns:
        0 where all was well, and the directory is gone; 1 where not, and it is kept; 143 where SIGTERM ended it.
    """
    memory = Path("/dev/shm")
    directory = Path(tempfile.mkdtemp(prefix="schemad-chaos-", dir=memory if memory.is_dir() else None))
    is_well = False
    try:
        is_well = asyncio.run(_until_terminated(run(directory)))
    except asyncio.CancelledError:
        return TERMINATED
    finally:
        if is_well:
            shutil.rmtree(directory)
        else:
            print(f"the logs are in {directory}", file=sys.stderr)
    return 0 if is_well else 1


async def _until_terminated(run: Coroutine[Any, Any, bool]) -> bool:
    """SIGTERM ends it with everything that it started."""
    running = asyncio.create_task(run)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, running.cancel)
    return await running
