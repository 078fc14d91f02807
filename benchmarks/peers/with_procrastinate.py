"""procrastinate: python -m benchmarks.peers.with_procrastinate DSN plain|tuned."""

import asyncio
import json
import sys

import uvloop
from procrastinate import App, JobContext, PsycopgConnector
from psycopg import AsyncConnection, AsyncRawCursor
from psycopg_pool import AsyncConnectionPool

from benchmarks.peers.gathering import Gathering
from benchmarks.peers.work import CREATE_TABLES, Request, create_and_record, described

DSN, MANNER = sys.argv[1:]


async def plain() -> None:
    """With the settings of its quick start: one job at a time. It listens for jobs in any case."""
    app = App(connector=PsycopgConnector(conninfo=DSN))

    @app.task(name="create_table", pass_context=True)
    async def create_table(context: JobContext, request: Request) -> None:
        async with context.additional_context["pool"].connection() as connection, connection.transaction():

            async def run(statement: str, *arguments: object) -> object:
                cursor = await connection.execute(statement, arguments or None)
                row = await cursor.fetchone() if cursor.description else None
                return row[0] if row else None

            await create_and_record(run, request)

    async with app.open_async(), work_pool() as pool:
        await app.schema_manager.apply_schema_async()
        print("ready", flush=True)
        await app.run_worker_async(additional_context={"pool": pool})


async def tuned() -> None:
    """With 30 jobs at a time, as its page on concurrency shows, a connection each, and jobs that share a call."""
    jobs = 30
    app = App(connector=PsycopgConnector(conninfo=DSN, min_size=4, max_size=jobs + 1))

    async with app.open_async(), work_pool() as pool:

        async def call(requests: list[Request]) -> None:
            async with pool.connection() as connection:
                await connection.execute(CREATE_TABLES, [json.dumps([described(each) for each in requests])])

        gathering = Gathering(call)

        @app.task(name="create_table")
        async def create_table(request: Request) -> None:
            await gathering.create(request)

        await app.schema_manager.apply_schema_async()
        print("ready", flush=True)
        await app.run_worker_async(concurrency=jobs)


def work_pool() -> AsyncConnectionPool[AsyncConnection]:
    """Connections for the work itself, which take PostgreSQL's own placeholders."""
    return AsyncConnectionPool(DSN, min_size=2, open=False, kwargs={"cursor_factory": AsyncRawCursor})


if __name__ == "__main__":
    if MANNER == "tuned":
        uvloop.run(tuned())
    else:
        asyncio.run(plain())
