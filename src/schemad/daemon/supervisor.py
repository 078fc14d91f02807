"""The supervisor: starts a part of the daemon again that failed, and gives up loudly when it keeps failing.

A link that fails is no failure of a part: `keep_connected()` sees to that, as long as it takes. What comes here
is what waiting alone is not known to mend: a privilege that was revoked, a password that was changed, a defect.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable

from asyncpg import PostgresError

from schemad.observe.logs import Log
from schemad.store.connect import NotAServer, in_few_words
from schemad.store.migrate import SchemaMismatch

# Failures in a row after which it gives up, and seconds before the first restart, doubled each time: 8 s in all.
MOST_FAILURES = 5
SHORTEST = 0.5
# A part that went on for so many seconds has not failed in a row.
MENDED_AFTER = 60.0
# These stay what they are: there is one line to say, and nothing to be tried again.
FINAL = (SchemaMismatch, NotAServer)


class GaveUp(Exception):
    """A part of the daemon kept failing. `__cause__` is its last error."""

    def __init__(self, part: str, failures: int, error: Exception) -> None:
        super().__init__(f"the {part} failed {failures} times in a row: {in_few_words(error)}")
        self.part = part
        self.failures = failures


async def supervise(
    run: Callable[[], Awaitable[None]], *, part: str, log: Log, shortest: float = SHORTEST
) -> None:
    """Runs a part until it is done, and again whenever it fails.

    Args:
        run: The part. It can be run again after it failed.
        part: What it is, for the log.
        log: Where each failure is told.
        shortest: Seconds before the first restart.

    Raises:
        GaveUp: It failed MOST_FAILURES times in a row.
        SchemaMismatch, NotAServer: What a person has to mend.
    """
    failures = 0
    while True:
        started = time.monotonic()
        try:
            return await run()
        except FINAL:
            raise
        except Exception as error:
            if time.monotonic() - started > MENDED_AFTER:
                failures = 0
            failures += 1
            # What the database says is said in words; anything else is a defect, and where it happened matters.
            told = {"error": str(error)} if isinstance(error, PostgresError) else {"exc_info": True}
            if failures == MOST_FAILURES:
                log.error(  # noqa: TRY400 - as above
                    "daemon.gave_up", part=part, failures=failures, **told
                )
                raise GaveUp(part, failures, error) from error
            pause = shortest * 2 ** (failures - 1) * random.uniform(0.75, 1.25)  # noqa: S311 - spreads load
            log.error(  # noqa: TRY400 - as above
                "daemon.part_failed", part=part, failures=failures, restart_in=round(pause, 2), **told
            )
            await asyncio.sleep(pause)
