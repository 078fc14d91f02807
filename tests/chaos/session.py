"""Sessions that survive: they connect again and repeat what may be repeated, as applications do."""

import asyncio
import contextlib
import random
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Any, Self, TypeVar

import asyncpg

from schemad.store import Connection, connect
from schemad.store.connect import LINK_ERRORS
from tests.chaos.ledger import Ledger

Result = TypeVar("Result")

CONNECT_TIMEOUT = 3.0
ANSWER_TIMEOUT = 8.0
SHORTEST, LONGEST = 0.02, 0.5


class Session:
    """A connection that is opened again whenever it is lost.

    Args:
        dsn: Where to.
        chance: Spreads the pauses.
        ledger: Where the errors are counted.
    """

    def __init__(self, dsn: str, chance: random.Random, ledger: Ledger) -> None:
        self._dsn = dsn
        self._chance = chance
        self._ledger = ledger
        self._connection: Connection | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._drop()

    def another(self) -> "Session":
        """A second one like it."""
        return Session(self._dsn, self._chance, self._ledger)

    async def insist(self, action: Callable[[Connection], Awaitable[Result]]) -> Result:
        """Does what may be done twice, until it was done once without losing the connection.

        Raises:
            asyncpg.PostgresError: An answer that is about what was asked, and not about the moment.
        """
        pause = SHORTEST
        while True:
            try:
                if self._connection is None or self._connection.is_closed():
                    self._connection = await connect(
                        self._dsn, job="requester", timeout=CONNECT_TIMEOUT, answer_timeout=ANSWER_TIMEOUT
                    )
                return await action(self._connection)
            except LINK_ERRORS as error:
                self._ledger.troubles[getattr(error, "sqlstate", None) or type(error).__name__] += 1
                await self._drop()
            except asyncpg.PostgresError as error:
                if error.sqlstate[:2] not in {"08", "53", "57", "58", "XX", "F0"}:
                    raise
                self._ledger.troubles[error.sqlstate] += 1
                await self._drop()
            await asyncio.sleep(pause * self._chance.uniform(0.5, 1.5))
            pause = min(2 * pause, LONGEST)

    async def value(self, sql: str, *arguments: object) -> Any:
        """The first value that a statement returns, which may be run twice."""
        return await self.insist(lambda connection: connection.fetchval(sql, *arguments))

    async def rows(self, sql: str, *arguments: object) -> list["asyncpg.Record"]:
        """The rows that a statement returns, which may be run twice."""
        return await self.insist(lambda connection: connection.fetch(sql, *arguments))

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*LINK_ERRORS):
                connection.terminate()
