"""Soak: python -m tests.chaos.soak, with REQUESTS=100000, from the environment.

One daemon works off that many requests, a tenth of them for new tables, a tenth held, and the rest for what is
there already; its memory is looked at all the while. Exits with 1 if it ends with more than a tenth above what it
had after the first thousand.
"""

import asyncio
import os
import re
import sys
from pathlib import Path

from schemad.embedded import find_binaries
from tests.chaos.fleet import Member
from tests.chaos.stage import staged
from tests.chaos.workplace import exit_code

STEP = 1000
# Tables that most requests are for: of those for one table a daemon takes one at a time.
BASE = 500
GROWTH = 1.10
# Seconds for a step to be worked off.
PATIENCE = 120.0
ASK = """
INSERT INTO schemad.schema_requests (requester_user_id, schema_name, request_payload)
SELECT 'user' || n % 7,
  CASE WHEN n <= $3::integer OR n % 10 > 1 THEN 'base_' || n % $3 ELSE 'soak_' || n END,
  CASE WHEN n > $3 AND n % 10 = 1
    THEN '{"fields": [{"name": "a", "type": "bigint", "default": {"expression": "txid_current()"}}]}'::jsonb
    ELSE '{"fields": [{"name": "a", "type": "text"}]}' END
FROM generate_series($1::integer, $2::integer) AS n
"""
LEFT = """
SELECT count(*)
FROM schemad.schema_requests, pg_sleep(0.05)
WHERE processed_at IS NULL AND verdict IS NULL
"""
OUTCOMES = """
SELECT concat_ws(' ', action, details ->> 'operation') AS what, count(*)
FROM schemad.auto_create_log
GROUP BY 1
ORDER BY 1
"""


def resident(pid: int) -> int:
    """What a process has in memory, in kB."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii")
    found = re.search(r"^VmRSS:\s+(\d+) kB$", status, re.MULTILINE)
    assert found is not None
    return int(found[1])


async def soak(directory: Path, requests: int) -> bool:
    """Runs it and prints what it finds; whether memory stayed."""
    major = int(os.environ.get("PG") or find_binaries().major)
    print(f"PostgreSQL {major}, one daemon\n{'requests':>10}{'MB':>9}{'of the first':>15}")
    first = last = 0
    async with staged(directory, major, 1, {}, through_links=False) as stage, stage.cluster.admin() as admin:
        member = stage.fleet[0]
        for done in range(0, requests, STEP):
            await admin.execute("SET SESSION AUTHORIZATION app_one")
            await admin.execute(ASK, done + 1, done + STEP, BASE)
            await admin.execute("RESET SESSION AUTHORIZATION")
            async with asyncio.timeout(PATIENCE):
                while await admin.fetchval(LEFT):
                    pass
            last = resident(_pid(member))
            first = first or last
            if (done + STEP) % (10 * STEP) == 0 or not done:
                print(f"{done + STEP:>10,}{last / 1024:>9.1f}{last / first:>14.1%}", flush=True)
        rows = await admin.fetch(OUTCOMES)
        print(", ".join(f"{row['what']} {row['count']}" for row in rows))
    return last <= GROWTH * first


def _pid(member: Member) -> int:
    assert member.starts == 1, "the daemon ended meanwhile"
    assert member.pid is not None
    return member.pid


def main() -> int:
    """Soaks; the exit code."""
    return exit_code(lambda directory: soak(directory, int(os.environ.get("REQUESTS") or 100_000)))


if __name__ == "__main__":
    sys.exit(main())
