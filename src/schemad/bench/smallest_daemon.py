"""The floor: NOTIFY → bare CREATE TABLE → commit, with nothing judged, recorded or claimed.

A program of its own; SCHEMAD_DSN names the database.
"""

import asyncio
import os

import uvloop

from schemad.bench.table import bare_ddl
from schemad.store import connect

CHANNEL = "smallest"


async def main() -> None:
    """Makes a table for each notification, whose payload is its name."""
    dsn = os.environ["SCHEMAD_DSN"]
    listening = await connect(dsn, job="smallest listener")
    working = await connect(dsn, job="smallest worker")
    names: asyncio.Queue[str] = asyncio.Queue()
    await listening.add_listener(CHANNEL, lambda *event: names.put_nowait(str(event[3])))
    print("ready", flush=True)
    while True:
        await working.execute(bare_ddl(await names.get()))


if __name__ == "__main__":
    uvloop.run(main())
