"""Contenders as processes of their own, each on a database of its own."""

import asyncio
import contextlib
import os
import sys
from collections.abc import AsyncIterator


@contextlib.asynccontextmanager
async def process(*arguments: str, ready: str, **environment: str) -> AsyncIterator[None]:
    """A Python process, from the line of output that says `ready` until it is killed."""
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        *arguments,
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert running.stdout is not None
    reading = None
    try:
        async for line in running.stdout:
            if ready in line.decode():
                break
        else:
            raise RuntimeError(f"{' '.join(arguments)} ended before it was ready")
        reading = asyncio.create_task(running.stdout.read())  # an undrained pipe would block it
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            running.kill()
        if reading is not None:
            await reading
        await running.wait()


def schemad(dsn: str) -> contextlib.AbstractAsyncContextManager[None]:
    """The daemon, as `schemad run` starts it."""
    return process(
        "-c",
        "from schemad.cli.app import main; main()",
        "run",
        ready="daemon.ready",
        SCHEMAD_DSN=dsn,
        SCHEMAD_ENABLE_AUTO_CREATE="true",
        SCHEMAD_LOG_FORMAT="json",
    )


def smallest_daemon(dsn: str) -> contextlib.AbstractAsyncContextManager[None]:
    """The floor."""
    return process("-m", "benchmarks.smallest_daemon", dsn, ready="ready")
