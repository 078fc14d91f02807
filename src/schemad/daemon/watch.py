"""The watch: while a daemon is busy, it looks at the queue anyway, and requesters need not notify it.

Requesters that notify commit one after the other; those that don't commit as fast as they can. How no wake-up is
lost is told in sql/functions/wake_daemons.sql. The daemon's part: while it is not sure that every watch is over,
it looks again after a pause instead of sleeping; once it was told that they are, it sweeps once more.
"""

import asyncio
import math

from schemad.store import Connection
from schemad.store.sql_files import query

# Seconds after which a watch is prolonged; keep_watch() has it last three times as long.
PROLONGED_AFTER = 1.0
# Seconds between two looks, doubled from one to the next while they find nothing. The longest is what a request
# may wait whose transaction took long to commit, or whose NOTIFY was left out for a daemon that has died since.
SHORTEST_PAUSE = 0.005
LONGEST_PAUSE = 0.25


class Watch:
    """The watches of all daemons, through one daemon's connection.

    Args:
        connection: The worker's.
        announced: Set by whoever learns of a watch, or may have missed one.
    """

    def __init__(self, connection: Connection, announced: asyncio.Event) -> None:
        self._connection = connection
        self._announced = announced
        self._announced.set()
        self._kept_at = -math.inf
        self._pause = SHORTEST_PAUSE

    async def keep(self) -> None:
        """Begins a watch, or prolongs it where it is time to."""
        now = asyncio.get_running_loop().time()
        if now < self._kept_at + PROLONGED_AFTER:
            return
        # Beforehand: it may begin though the answer is lost.
        self._announced.set()
        await self._connection.execute(query("keep_watch"))
        self._kept_at = now

    @property
    def may_be_on(self) -> bool:
        """Whether a transaction may have left out its NOTIFY since a watch was last seen to be over."""
        return self._announced.is_set()

    async def end(self) -> bool:
        """Ends this daemon's watch; True once no watch is on, and no transaction left that relied on one."""
        self._kept_at = -math.inf
        # Cleared before the query: what is announced during it sets it again, and is not lost.
        self._announced.clear()
        is_over: bool = await self._connection.fetchval(query("end_watch"))
        if not is_over:
            self._announced.set()
        return is_over

    def pause(self, *, found: bool) -> float:
        """Seconds until the queue is to be looked at again while a watch is on."""
        pause = SHORTEST_PAUSE if found else self._pause
        self._pause = min(2 * pause, LONGEST_PAUSE)
        return pause
