"""pgqueuer: python -m benchmarks.peers.with_pgqueuer DSN plain|tuned."""

import json
import sys

import asyncpg
import uvloop
from pgqueuer import PgQueuer
from pgqueuer.models import Context, Job
from pgqueuer.queries import Queries

from benchmarks.peers.gathering import Gathering
from benchmarks.peers.work import CREATE_TABLES, Request, described, in_transaction

DSN, MANNER = sys.argv[1:]


async def plain() -> None:
    """With its defaults: batches of ten, whose jobs run at the same time. It listens for jobs in any case."""
    pool = await asyncpg.create_pool(DSN)
    pgq = await installed({"pool": pool})

    @pgq.entrypoint("create_table")
    async def create_table(job: Job, context: Context) -> None:
        async with context.resources["pool"].acquire() as connection:
            await in_transaction(connection, json.loads(job.payload or b""))

    print("ready", flush=True)
    await pgq.run()


async def tuned() -> None:
    """With batches of fifty, of which two may be in hand, and jobs that share a call."""
    pool = await asyncpg.create_pool(DSN, min_size=2, max_size=2)
    pgq = await installed({})

    async def call(requests: list[Request]) -> None:
        await pool.execute(CREATE_TABLES, json.dumps([described(each) for each in requests]))

    gathering = Gathering(call)

    @pgq.entrypoint("create_table")
    async def create_table(job: Job) -> None:
        await gathering.create(json.loads(job.payload or b""))

    print("ready", flush=True)
    await pgq.run(batch_size=50, max_concurrent_tasks=100)


async def installed(resources: dict[str, object]) -> PgQueuer:
    """Its tables, as its checklist says, and a manager on a connection of its own, as it recommends."""
    connection = await asyncpg.connect(DSN)
    pgq = PgQueuer.from_asyncpg_connection(connection, resources=resources)
    queries = Queries(pgq.connection)
    await queries.install()
    await queries.optimize_autovacuum()
    return pgq


if __name__ == "__main__":
    # The loop that its own command line runs it on.
    uvloop.run(tuned() if MANNER == "tuned" else plain())
