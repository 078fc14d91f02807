"""For tuned handlers: jobs that are under way at the same time share a call to the database."""

import asyncio
from collections.abc import Awaitable, Callable

from benchmarks.peers.work import Request


class Gathering:
    """While calls are under way, requests gather, and make up the next one. Nothing waits for others to come.

    A batch fails as one: each of its jobs then gets the error, and is retried by its queue.
    """

    def __init__(self, call: Callable[[list[Request]], Awaitable[object]], calls: int = 2, most: int = 25) -> None:
        self._call = call
        self._free = calls
        self._most = most
        self._waiting: list[tuple[Request, asyncio.Future[None]]] = []
        self._running: set[asyncio.Task[None]] = set()

    async def create(self, request: Request) -> None:
        """Returns when the table and its records are committed."""
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((request, done))
        self._start()
        await done

    def _start(self) -> None:
        if self._free and self._waiting:
            batch, self._waiting = self._waiting[: self._most], self._waiting[self._most :]
            self._free -= 1
            task = asyncio.create_task(self._run(batch))
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _run(self, batch: list[tuple[Request, asyncio.Future[None]]]) -> None:
        try:
            await self._call([request for request, _ in batch])
        except Exception as error:  # noqa: BLE001 - not kept: each job that waits for the call raises it
            for _, done in batch:
                done.set_exception(error)
        else:
            for _, done in batch:
                done.set_result(None)
        self._free += 1
        self._start()
