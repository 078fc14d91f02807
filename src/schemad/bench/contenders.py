"""Contenders as processes of their own, each on a database of its own."""

import asyncio
import contextlib
import os
import sys
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from schemad.bench.failure import BenchFailed

START_TIMEOUT = 30.0
# Not of a contender, whatever the environment or the file of SCHEMAD_ENV_FILE has: it would listen to another
# database than it works on, and of several daemons the second one would find its address taken.
UNSET = {"SCHEMAD_LISTEN_DSN": "", "SCHEMAD_METRICS_ADDR": ""}
LAST_LINES = 30


@dataclass(frozen=True, slots=True)
class Contender:
    """A contender at work. What it says goes to a file: reading it would delay whoever is measured."""

    pid: int
    log: Path

    @property
    def last_words(self) -> str:
        """The last lines that it wrote."""
        return "\n".join(_said(self.log).splitlines()[-LAST_LINES:])


Running = contextlib.AbstractAsyncContextManager[Contender]


@contextlib.asynccontextmanager
async def process(
    *arguments: str, ready: str, program: str = sys.executable, **environment: str
) -> AsyncIterator[Contender]:
    """A process, from the line of output that says `ready` until it is killed.

    Args:
        arguments: Of the program.
        ready: What it says once it is at work.
        program: Python, where none is named.
        environment: Variables beyond those of this process.

    Raises:
        BenchFailed: It ended before it was ready, or was not ready in time; with its last lines.
    """
    with tempfile.NamedTemporaryFile(prefix="schemad-bench-", suffix=".log") as log:
        running = await asyncio.create_subprocess_exec(
            program,
            *arguments,
            env=os.environ | UNSET | environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            # Ctrl-C is for the bench, which then ends its contenders itself.
            start_new_session=True,
        )
        contender = Contender(running.pid, Path(log.name))
        try:
            await _until_ready(running, contender, ready, arguments)
            yield contender
        finally:
            with contextlib.suppress(ProcessLookupError):
                running.kill()
            await running.wait()


async def _until_ready(
    running: asyncio.subprocess.Process, contender: Contender, ready: str, arguments: tuple[str, ...]
) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(START_TIMEOUT):
            while running.returncode is None:
                if ready in _said(contender.log):
                    return
                await asyncio.sleep(0.01)
    late = running.returncode is None
    became = f"was not ready in {START_TIMEOUT:.0f} s" if late else "ended before it was ready"
    raise BenchFailed(f"{' '.join(arguments)} {became}; it said:\n{contender.last_words}")


def _said(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")


def schemad(dsn: str, **environment: str) -> Running:
    """The daemon, as `schemad run` starts it."""
    return process(
        "-c",
        "from schemad.cli.app import main; main()",
        "run",
        ready="daemon.ready",
        SCHEMAD_DSN=dsn,
        SCHEMAD_ENABLE_AUTO_CREATE="true",
        SCHEMAD_LOG_FORMAT="json",
        SCHEMAD_LOG_LEVEL="info",
        **environment,
    )


def smallest_daemon(dsn: str) -> Running:
    """The floor."""
    return process("-m", "schemad.bench.smallest_daemon", ready="ready", SCHEMAD_DSN=dsn)


def driver_alone() -> Running:
    """Python with the driver in memory, doing nothing."""
    program = "import signal, asyncpg, uvloop; print('ready', flush=True); signal.pause()"
    return process("-c", program, ready="ready")


def naive_daemon(dsn: str) -> Running:
    """One statement at a time."""
    return process("-m", "schemad.bench.naive_daemon", ready="ready", SCHEMAD_DSN=dsn)
