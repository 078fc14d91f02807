"""A consumer of the queue at its simplest: it reads what waits, in order, and has batches made side by side."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence

import asyncpg

from schemad.settings import Settings
from schemad.store import Connection, connect
from schemad.store.channels import REQUESTS_CHANNEL

READ = """
SELECT r.id, r.schema_name, r.requested_by
FROM schemad.schema_requests AS r
WHERE r.processed_at IS NULL AND r.verdict IS NULL AND r.id > $1
ORDER BY r.id
LIMIT $2
"""

Make = Callable[[Connection, Sequence[asyncpg.Record]], Awaitable[object]]


async def consume(job: str, make: Make, *, pinned: bool = False) -> None:
    """Works the queue off whenever it is woken, with as many sessions as schemad has appliers; it never returns.

    Args:
        job: What its sessions are called.
        make: Makes the tables of a batch, and commits.
        pinned: Whether its sessions are as the daemon's, where no name is looked up in public.
    """
    dsn, settings = os.environ["SCHEMAD_DSN"], Settings()
    listening = await connect(dsn, job=f"{job} listener")
    reading = await connect(dsn, job=f"{job} reader", pinned=True)
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(settings.appliers):
        idle.put_nowait(await connect(dsn, job=job, pinned=pinned))
    wakeup = asyncio.Event()
    await listening.add_listener(REQUESTS_CHANNEL, lambda *_: wakeup.set())

    async def work(connection: Connection, requests: Sequence[asyncpg.Record]) -> None:
        await make(connection, requests)
        idle.put_nowait(connection)

    print("ready", flush=True)
    last = 0
    async with asyncio.TaskGroup() as batches:
        while True:
            wakeup.clear()
            while requests := await reading.fetch(READ, last, settings.batch_size):
                last = requests[-1]["id"]
                batches.create_task(work(await idle.get(), requests))
            await wakeup.wait()
