"""Sessions that go on step by step, in every order: for protocols that have to hold whatever the interleaving.

A step ends at a halt. An actor halts where its script says so, and inside functions of the database where halts
were put into them: there the session waits in the server, with the locks and snapshots that it has.
"""

import asyncio
import random
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from typing import Any

import asyncpg

from schemad.store import Connection
from tests.support.daemons import PATIENCE

# In each function a halt stands before statements that begin so.
_STATEMENTS = r"LOCK|UPDATE|PERFORM FROM|PERFORM pg_notify|RETURN none_left"
_MOST_HALTS = 20
_HALT = """
CREATE SEQUENCE public.halts_0;
CREATE SEQUENCE public.halts_1;
CREATE SEQUENCE public.halts_2;
CREATE FUNCTION public.halt() RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  actor constant text := current_setting('stepping.actor', true);
  number integer;
BEGIN
  IF actor <> '' THEN
    number := nextval('public.halts_' || actor); -- a sequence, as that does not go back with a subtransaction
    RAISE NOTICE 'halt %', number;
    PERFORM pg_advisory_lock(actor::integer, number);
    PERFORM pg_advisory_unlock(actor::integer, number);
  END IF;
END $$
"""

Halt = Callable[[], Awaitable[None]]
Script = Callable[[Halt], Coroutine[Any, Any, None]]
Scripts = Callable[[], Awaitable[Sequence[Script]]]


async def put_halts(admin: Connection, *functions: str, change: Callable[[str], str] = lambda text: text) -> int:
    """Puts halts into functions of the schema `schemad`; returns how many.

    Args:
        admin: The owner's connection.
        functions: Their names.
        change: What else becomes of their text: for protocols that are meant to fail.
    """
    await admin.execute(_HALT)
    count = 0
    for name in functions:
        text = change(await admin.fetchval(f"SELECT pg_get_functiondef('schemad.{name}'::regproc)"))
        text, here = re.subn(rf"(?m)^( +)(?=(?:{_STATEMENTS})\b)", r"\1PERFORM public.halt();\n\1", text)
        await admin.execute(text)
        count += here
    return count


async def close_halts(driver: Connection, actor: int = 0) -> None:
    """Has an actor stop at its halts, from the first one on, until they are lifted on the same connection."""
    await driver.execute(
        f"SELECT setval('public.halts_{actor}', 1, false), pg_advisory_unlock_all();"
        f"SELECT pg_advisory_lock({actor}, n) FROM generate_series(1, {_MOST_HALTS}) AS n"
    )


class Actor:
    """Runs scripts on a connection, one step at a time.

    Args:
        number: Which one it is, from 0.
        driver: A connection of its own from which its halts are lifted.
        connection: The one that its scripts use.
    """

    def __init__(self, number: int, driver: Connection, connection: Connection) -> None:
        self._number = number
        self._driver = driver
        self.connection = connection
        self._news: asyncio.Queue[int | None] = asyncio.Queue()  # halts: None for one of the script's own
        self._go = asyncio.Event()
        self._halted_at: int | None = None
        self._task: asyncio.Task[None] | None = None

        connection.add_log_listener(self._hear)

    async def halt_inside(self, wanted: bool) -> None:
        """Whether it halts inside of functions too."""
        await self.connection.execute(f"SET stepping.actor = '{self._number if wanted else ''}'")

    async def begin(self, script: Script) -> None:
        """Starts a script, up to its first halt."""
        await close_halts(self._driver, self._number)
        self._task = asyncio.create_task(script(self._halt))
        await self._until_halt()

    @property
    def is_done(self) -> bool:
        """Whether its script has ended."""
        return self._task is None

    async def step(self) -> None:
        """Lets it go on to its next halt, or its end."""
        assert not self.is_done, f"actor {self._number} had more steps before: something else came between them"
        if self._halted_at is None:
            self._go.set()
        else:
            await self._driver.execute("SELECT pg_advisory_unlock($1, $2)", self._number, self._halted_at)
        await self._until_halt()

    async def _halt(self) -> None:
        self._go.clear()
        self._news.put_nowait(None)
        await self._go.wait()

    def _hear(self, _: object, message: asyncpg.PostgresLogMessage) -> None:
        if match := re.fullmatch(r"halt (\d+)", str(message.message)):
            self._news.put_nowait(int(match[1]))

    async def _until_halt(self) -> None:
        assert self._task is not None
        news = asyncio.create_task(self._news.get())
        async with asyncio.timeout(PATIENCE):
            await asyncio.wait([news, self._task], return_when=asyncio.FIRST_COMPLETED)
        if news.done():
            self._halted_at = news.result()
            return
        news.cancel()
        task, self._task = self._task, None
        await task


async def every_order(actors: Sequence[Actor], scripts: Scripts) -> AsyncIterator[list[int]]:
    """Runs scripts in every order of their steps; yields each order once it has been run.

    Args:
        actors: Who runs them.
        scripts: Prepares a run's beginning in the database, and gives each actor's script.
    """
    open_prefixes: list[list[int]] = [[]]
    while open_prefixes:
        prefix = open_prefixes.pop()
        order: list[int] = []

        def choose(running: list[int], prefix: list[int] = prefix, order: list[int] = order) -> int:
            if len(order) < len(prefix):
                return prefix[len(order)]
            open_prefixes.extend([*order, other] for other in running[1:])
            return running[0]

        await _run(actors, scripts, choose, order)
        yield order


async def some_orders(
    actors: Sequence[Actor], scripts: Scripts, *, count: int, seed: int
) -> AsyncIterator[list[int]]:
    """The same for a number of orders by chance, where there are too many."""
    chance = random.Random(seed)  # noqa: S311 - a test repeats it
    for _ in range(count):
        order: list[int] = []
        await _run(actors, scripts, chance.choice, order)
        yield order


async def _run(
    actors: Sequence[Actor], scripts: Scripts, choose: Callable[[list[int]], int], order: list[int]
) -> None:
    """One run; `order` gets each step's actor."""
    for actor, script in zip(actors, await scripts(), strict=True):
        await actor.begin(script)
    while running := [n for n, actor in enumerate(actors) if not actor.is_done]:
        order.append(choose(running))
        await actors[order[-1]].step()
