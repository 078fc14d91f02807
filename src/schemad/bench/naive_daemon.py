"""A daemon as it is first written: one request at a time, one statement at a time, with all of schemad's records.

It judges nothing and proves nothing. A program of its own; SCHEMAD_DSN names the database.
"""

import asyncio
import os

import uvloop

from schemad.bench.sql import query
from schemad.bench.table import FIELDS, bare_ddl
from schemad.store import Connection, connect
from schemad.store.channels import REQUESTS_CHANNEL

CLAIM, REGISTER, FIELD, *RECORDS = query("naive_daemon").split(";\n")


async def main() -> None:
    """Works the queue off whenever it is woken."""
    dsn = os.environ["SCHEMAD_DSN"]
    listening = await connect(dsn, job="naive listener")
    working = await connect(dsn, job="naive worker")
    wakeup = asyncio.Event()
    await listening.add_listener(REQUESTS_CHANNEL, lambda *_: wakeup.set())
    print("ready", flush=True)
    while True:
        wakeup.clear()
        while await _work_one_off(working):
            pass
        await wakeup.wait()


async def _work_one_off(connection: Connection) -> bool:
    """Makes the table of the oldest request; False where there is none."""
    async with connection.transaction():
        request = await connection.fetchrow(CLAIM)
        if request is None:
            return False
        await connection.execute(bare_ddl(request["schema_name"]))
        schema_id = await connection.fetchval(REGISTER, request["id"])
        for name, field_type, default in FIELDS:
            await connection.execute(FIELD, schema_id, name, field_type, default)
        for record in RECORDS:
            await connection.execute(record, request["id"])
    return True


if __name__ == "__main__":
    uvloop.run(main())
