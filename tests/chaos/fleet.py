"""The daemons: `schemad run` as processes, started again whenever one has ended, as a supervisor does."""

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.chaos.links import Links

ENVIRONMENT = {"SCHEMAD_ENABLE_AUTO_CREATE": "true", "SCHEMAD_LOG_FORMAT": "json"}
# The product's defaults are for days; in a storm an outage lasts seconds.
HASTY = {
    "SCHEMAD_POLL_INTERVAL": "5",
    "SCHEMAD_PROBE_INTERVAL": "1",
    "SCHEMAD_PROBE_TIMEOUT": "2",
    "SCHEMAD_CONNECT_TIMEOUT": "3",
    "SCHEMAD_STATEMENT_TIMEOUT": "5",
    "SCHEMAD_PRUNE_INTERVAL": "20",
    "SCHEMAD_DRAIN_DEADLINE": "5",
}
RESTART_AFTER = 0.2
PATIENCE = 20.0


class Member:
    """One daemon of the fleet.

    Attributes:
        links: What it connects through.
        log_path: Where its log goes.
        starts: How often it was started.
        ends: Exit codes of those of its lives that nobody ended.
    """

    def __init__(
        self, number: int, links: Links, dsn: str, directory: Path, environment: Mapping[str, str]
    ) -> None:
        self.links = links
        self.log_path = directory / f"daemon-{number}.log"
        self.starts = 0
        self.ends: list[int] = []
        self._environment = {**os.environ, **ENVIRONMENT, **environment, "SCHEMAD_DSN": dsn}
        self._process: asyncio.subprocess.Process | None = None
        self._is_wanted = True
        self._was_signalled = False
        self._log_begins = 0  # of its present life, in bytes

    async def keep_running(self) -> None:
        """Starts it again and again, until it is stopped."""
        while self._is_wanted:
            with self.log_path.open("ab") as log:
                self._log_begins = log.tell()
                self._process = await asyncio.create_subprocess_exec(
                    sys.executable,
                    *("-c", "from schemad.cli.app import main; main()", "run"),
                    env=self._environment,
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                )
            self.starts += 1
            self._was_signalled = False
            code = await self._process.wait()
            if not self._was_signalled:
                self.ends.append(code)
            await asyncio.sleep(RESTART_AFTER)

    @property
    def pid(self) -> int | None:
        """Its process, while it runs."""
        running = self._process is not None and self._process.returncode is None
        return self._process.pid if self._process and running else None

    def signal(self, number: signal.Signals) -> None:
        """Sends it a signal, if it runs."""
        if self._process is not None and self._process.returncode is None:
            if number in {signal.SIGKILL, signal.SIGTERM}:
                self._was_signalled = True
            with contextlib.suppress(ProcessLookupError):
                self._process.send_signal(number)

    @property
    def _has_begun(self) -> bool:
        return b"daemon.started" in self.log_path.read_bytes()[self._log_begins :]

    async def stop(self) -> int | None:
        """Ends it in order, for good; its exit code, None where it does not end and had to be killed.

        One that had not begun is ended by the system: that is in order too.
        """
        self._is_wanted = False
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        if self._process is None:
            return 0
        try:
            async with asyncio.timeout(PATIENCE):
                code = await self._process.wait()
                return 0 if code == -signal.SIGTERM and not self._has_begun else code
        except TimeoutError:
            self.signal(signal.SIGKILL)
            await self._process.wait()
            return None
