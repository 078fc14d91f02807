"""Backoff: how long a part waits before it connects again. Jittered, so that daemons do not come back at once."""

import random
from collections.abc import Awaitable, Callable

from structlog.typing import FilteringBoundLogger
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception_type

from schemad.store.connect import LINK_ERRORS, link_help

SHORTEST = 0.1
LONGEST = 10.0


async def keep_connected(
    serve: Callable[[Callable[[], None]], Awaitable[None]],
    *,
    part: str,
    log: FilteringBoundLogger,
    on_loss: Callable[[Exception], None] = lambda _: None,
) -> None:
    """Runs a part, again and again as long as its link fails.

    Args:
        serve: Connects and works until it is done, or its link fails with one of LINK_ERRORS. It calls its
            argument once it is sure of its link: the next failure then counts as the first of a new outage.
        part: What it is, for the log.
        log: Where an outage's first failure is told, and its end by `serve`; further ones at level debug.
        on_loss: Called at each failure, before anything is waited for.
    """
    failures = 0

    def works() -> None:
        nonlocal failures
        failures = 0

    def wait(_: RetryCallState) -> float:
        return pause(failures)

    def tell(state: RetryCallState) -> None:
        nonlocal failures
        failures += 1
        error = state.outcome.exception() if state.outcome else None
        if not isinstance(error, LINK_ERRORS):
            return  # it ends the part, and is for whoever runs that to tell
        on_loss(error)
        say = log.warning if failures == 1 else log.debug
        say(f"{part}.lost", error=link_help(error))

    async for attempt in AsyncRetrying(
        retry=retry_if_exception_type(LINK_ERRORS), after=tell, wait=wait, reraise=True
    ):
        with attempt:
            await serve(works)


def pause(failures: int) -> float:
    """Seconds to wait after so many failures in a row, the first one included."""
    return random.uniform(0, min(LONGEST, SHORTEST * 2 ** min(failures, 10)))  # noqa: S311 - spreads load
