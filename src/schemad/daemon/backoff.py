"""Backoff: how long a part waits before it connects again. Jittered, so that daemons do not come back at once."""

import random
import time
from collections.abc import Awaitable, Callable
from typing import Any

from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from schemad.observe.logs import Log
from schemad.observe.telemetry import Telemetry
from schemad.store.connect import LINK_ERRORS, in_few_words

SHORTEST = 0.1
LONGEST = 10.0
# A link that lasts so many seconds is steady. Of those lost sooner, only the 1st, 2nd, 4th, 8th … is told.
STEADY = 60.0


class Link:
    """What is known of a part's link, and told of it: one line for each change.

    Args:
        part: What uses it, for the log.
        log: Where it is told.
        telemetry: Where it is counted.
    """

    def __init__(self, part: str, log: Log, telemetry: Telemetry) -> None:
        self._part = part
        self._log = log
        self._telemetry = telemetry
        self._up_since: float | None = None
        # Failures in a row; of links that worked, those in a row that were not steady.
        self._failures = 0
        self._losses = 0
        self._is_told = True

    def works(self, **known: Any) -> None:
        """Notes that it is sure to work: the next failure counts as the first one of a new outage."""
        self._failures = 0
        if self._up_since is None:
            self._up_since = time.monotonic()
            self._telemetry.connected[self._part] += 1
            say = self._log.info if self._is_told else self._log.debug
            say(f"{self._part}.connected", **known)

    def failed(self, error: BaseException, *, is_told: bool = False) -> None:
        """Notes that it failed, or could not be opened; `is_told`: that there is nothing more to say of it."""
        self._failures += 1
        self._telemetry.lost[self._part] += 1
        is_change = self._up_since is not None or self._failures == 1
        if self._up_since is not None:
            self._losses = 1 if time.monotonic() - self._up_since > STEADY else self._losses + 1
            self._up_since = None
        if is_change:
            # That it comes back is told where it is told that it was lost.
            self._is_told = self._losses & (self._losses - 1) == 0
        say = self._log.warning if is_change and self._is_told and not is_told else self._log.debug
        say(f"{self._part}.lost", error=in_few_words(error))

    @property
    def pause(self) -> float:
        """Seconds to wait before it is tried again, by chance and longer after each failure."""
        return random.uniform(0, min(LONGEST, SHORTEST * 2 ** min(self._failures, 10)))  # noqa: S311 - spreads load


async def keep_connected(
    serve: Callable[[Link], Awaitable[None]],
    *,
    part: str,
    log: Log,
    telemetry: Telemetry,
    on_loss: Callable[[BaseException], bool | None] = lambda _: None,
) -> None:
    """Runs a part, again and again as long as its link fails.

    Args:
        serve: Connects and works until it is done, or its link fails with one of LINK_ERRORS. It calls `works()`
            of its argument once it is sure of its link, and as often as it likes.
        part: What it is, for the log.
        log: Where an outage's first failure is told, and its end; further ones at level debug.
        telemetry: Where each is counted.
        on_loss: Called at each failure, before anything is waited for; true: it has told of it.
    """
    link = Link(part, log, telemetry)

    def tell(state: RetryCallState) -> None:
        error = state.outcome.exception() if state.outcome else None
        # Any other error ends the part, and is for whoever runs that to tell.
        if isinstance(error, LINK_ERRORS):
            link.failed(error, is_told=on_loss(error) is True)

    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(LINK_ERRORS), after=tell, wait=lambda _: link.pause, reraise=True
    ):
        with attempt:
            await serve(link)
