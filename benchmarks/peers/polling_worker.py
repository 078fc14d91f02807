"""The worker of the specification: each second it looks for up to ten pending requests, and takes them in turn."""

import asyncio
import json
import sys

import asyncpg

from benchmarks.peers.work import in_transaction

INTERVAL = 1.0
PENDING = """
SELECT id AS request_id, requester_user_id, schema_name, request_payload
FROM app.schema_requests
WHERE status = 'pending'
ORDER BY id
LIMIT 10
"""


async def main(dsn: str) -> None:
    """Polls until it is killed."""
    connection = await asyncpg.connect(dsn)
    await connection.set_type_codec("jsonb", encoder=str, decoder=json.loads, schema="pg_catalog")
    print("ready", flush=True)
    loop = asyncio.get_running_loop()
    due = loop.time()
    while True:
        for row in await connection.fetch(PENDING):
            await in_transaction(connection, dict(row))
        # Each second, however long the work took.
        due = max(due + INTERVAL, loop.time())
        await asyncio.sleep(due - loop.time())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1]))
