"""Daemons for tests: within the process, and as processes of their own that can be killed."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Sequence

from schemad.daemon import Daemon
from schemad.daemon.pace import FREE, INTERVAL
from schemad.settings import Settings

# Longer than any test's patience: only a notification can be what woke the daemon.
NEVER = 3600.0
PATIENCE = 20.0


def most_sweeps(seconds: float) -> float:
    """How often a daemon may look at its queue in so many seconds, if of all that wakes it one has a reason."""
    # One for each interval, the free ones before and after the one in earnest, and two in hand.
    return seconds / INTERVAL + 2 * FREE + 3


def daemon_settings(dsn: str, **overrides: object) -> Settings:
    """Settings of a daemon that creates what is low-risk and never polls."""
    values = {"dsn": dsn, "enable_auto_create": True, "poll_interval": NEVER, "probe_interval": NEVER}
    return Settings().model_copy(update=values | overrides)


@contextlib.asynccontextmanager
async def running_daemon(dsn: str, **overrides: object) -> AsyncIterator[Daemon]:
    """A daemon in this process, from its first sweep to its orderly end."""
    ready = asyncio.Event()
    async with starting_daemon(dsn, ready.set, None, **overrides) as (daemon, running):
        waiting = asyncio.create_task(ready.wait())
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.wait({running, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            waiting.cancel()
        if running.done():
            await running
        yield daemon


@contextlib.asynccontextmanager
async def starting_daemon(
    dsn: str,
    on_ready: Callable[[], None] = lambda: None,
    load_settings: Callable[[], Settings] | None = None,
    **overrides: object,
) -> AsyncIterator[tuple[Daemon, asyncio.Task[None]]]:
    """A daemon in this process that may not be ready yet, and the task that ends with it."""
    daemon = Daemon(daemon_settings(dsn, **overrides), on_ready, load_settings)
    running = asyncio.create_task(daemon.run(handle_signals=False))
    try:
        yield daemon, running
    finally:
        daemon.stop()
        await running


class DaemonProcess:
    """A daemon as `schemad run` starts it."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.lines: list[str] = []

    @classmethod
    async def start(cls, dsn: str, wrapper: Sequence[str] = (), **environment: str) -> "DaemonProcess":
        """Starts it, by a command that ends as what follows `wrapper`; does not wait until it is ready."""
        process = await asyncio.create_subprocess_exec(
            *wrapper,
            sys.executable,
            "-c",
            "from schemad.cli.app import main; main()",
            "run",
            env=os.environ
            | {
                "SCHEMAD_DSN": dsn,
                "SCHEMAD_ENABLE_AUTO_CREATE": "true",
                "SCHEMAD_POLL_INTERVAL": str(NEVER),
                "SCHEMAD_LOG_FORMAT": "json",
            }
            | environment,
            stderr=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.DEVNULL,
        )
        return cls(process)

    async def event(self, name: str, patience: float = PATIENCE) -> None:
        """Waits until it logs an event of that name."""
        assert self._process.stderr is not None
        async with asyncio.timeout(patience):
            async for line in self._process.stderr:
                self.lines.append(line.decode())
                if f'"event": "{name}"' in self.lines[-1]:
                    return
        raise AssertionError(f"it ended without {name}:\n{''.join(self.lines)}")

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal."""
        self._process.send_signal(number)

    async def end(self) -> int:
        """Waits until it has ended; its exit code."""
        async with asyncio.timeout(PATIENCE):
            _, rest = await self._process.communicate()
        self.lines += rest.decode().splitlines(keepends=True)
        assert self._process.returncode is not None
        return self._process.returncode

    async def kill(self) -> None:
        """Kills it as kill -9 does, if it still runs."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await self.end()


@contextlib.asynccontextmanager
async def daemon_process(dsn: str, **environment: str) -> AsyncIterator[DaemonProcess]:
    """A daemon process that is ready; killed afterwards, if it has not ended."""
    process = await DaemonProcess.start(dsn, **environment)
    try:
        await process.event("daemon.ready")
        yield process
    finally:
        await process.kill()
