"""A consumer of the queue: it reads what is not in hand, and has batches made side by side."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence

import asyncpg

from schemad.settings import Settings
from schemad.store import Connection, connect
from schemad.store.channels import REQUESTS_CHANNEL

# Reads so many requests, but for those in hand: by id, the name of the table. Each row has id and schema_name.
Read = Callable[[Connection, Mapping[int, str], int], Awaitable[Sequence[asyncpg.Record]]]
Make = Callable[[Connection, Sequence[asyncpg.Record]], Awaitable[object]]


async def consume(job: str, read: Read, make: Make, *, pinned: bool) -> None:
    """Works the queue off whenever it is woken, with as many sessions as schemad has appliers; it never returns.

    As the daemon, it looks again where a batch was full. What waits for something in hand waits for a wake-up.

    Args:
        job: What its sessions are called.
        read: Reads requests.
        make: Makes the tables of a batch, and commits.
        pinned: Whether its sessions look no name up in public, as the daemon's don't.
    """
    dsn, settings = os.environ["SCHEMAD_DSN"], Settings()
    listening = await connect(dsn, job=f"{job} listener")
    reading = await connect(dsn, job=f"{job} reader", pinned=True)
    idle: asyncio.Queue[Connection] = asyncio.Queue()
    for _ in range(settings.appliers):
        idle.put_nowait(await connect(dsn, job=job, pinned=pinned))
    wakeup = asyncio.Event()
    await listening.add_listener(REQUESTS_CHANNEL, lambda *_: wakeup.set())
    in_hand: dict[int, str] = {}

    async def work(connection: Connection, requests: Sequence[asyncpg.Record]) -> None:
        await make(connection, requests)
        for request in requests:
            del in_hand[request["id"]]
        idle.put_nowait(connection)

    print("ready", flush=True)
    async with asyncio.TaskGroup() as batches:
        while True:
            wakeup.clear()
            is_full = True
            while is_full:
                requests = await read(reading, in_hand, settings.batch_size)
                is_full = len(requests) == settings.batch_size
                in_hand |= {request["id"]: request["schema_name"] for request in requests}
                if requests:
                    batches.create_task(work(await idle.get(), requests))
            await wakeup.wait()
