"""An event loop in which hours of waiting pass at once: for what a daemon does while it can only wait."""

import asyncio
import selectors
from typing import Any


class FastLoop(asyncio.SelectorEventLoop):
    """Where `is_fast`, it waits for no timer: its clock goes to the next one as soon as nothing else is ready.

    Only for when every answer from outside comes at once or never, such as a refused connection.
    """

    def __init__(self) -> None:
        self._ahead = 0.0
        self.is_fast = False
        super().__init__(_Selector(self))

    def time(self) -> float:
        """The clock, with all the time that was left out."""
        return super().time() + self._ahead

    def leave_out(self, seconds: float) -> None:
        """Puts the clock forward."""
        self._ahead += seconds


class _Selector(selectors.DefaultSelector):
    """Looks whether something is ready, and has the loop put its clock forward if nothing is."""

    def __init__(self, loop: FastLoop) -> None:
        super().__init__()
        self._loop = loop

    def select(self, timeout: float | None = None) -> Any:
        if not self._loop.is_fast or timeout is None or timeout <= 0:
            return super().select(timeout)
        # A refusal that is under way takes a moment, which is to be waited for.
        ready = super().select(0.001)
        if not ready:
            self._loop.leave_out(timeout)
        return ready
