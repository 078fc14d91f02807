"""Contenders as processes of their own, each on a database of its own."""

import asyncio
import contextlib
import os
import sys
from collections import deque
from collections.abc import AsyncIterator

# The last lines that a process wrote, to be shown if it fails.
Output = deque[str]
OUTPUT_KEPT = 30


@contextlib.asynccontextmanager
async def process(
    *arguments: str, ready: str, program: str = sys.executable, **environment: str
) -> AsyncIterator[Output]:
    """A process, from the line of output that says `ready` until it is killed. It keeps what it wrote."""
    running = await asyncio.create_subprocess_exec(
        program,
        *arguments,
        env=os.environ | environment,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert running.stdout is not None
    output: Output = deque(maxlen=OUTPUT_KEPT)
    reading = None
    try:
        async for line in running.stdout:
            output.append(line.decode())
            if ready in output[-1]:
                break
        else:
            raise RuntimeError(f"{' '.join(arguments)} ended before it was ready:\n{''.join(output)}")
        reading = asyncio.create_task(_keep(running.stdout, output))  # an undrained pipe would block it
        yield output
    finally:
        with contextlib.suppress(ProcessLookupError):
            running.kill()
        if reading is not None:
            await reading
        await running.wait()


def schemad(dsn: str) -> contextlib.AbstractAsyncContextManager[Output]:
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


def smallest_daemon(dsn: str) -> contextlib.AbstractAsyncContextManager[Output]:
    """The floor."""
    return process("-m", "benchmarks.smallest_daemon", dsn, ready="ready")


async def _keep(stream: asyncio.StreamReader, output: Output) -> None:
    async for line in stream:
        output.append(line.decode())
