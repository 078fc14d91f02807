"""Schemad's part in the database alone, by decisions that were made before any request came.

Everything is claimed, made as its owner, granted, proven and recorded as the daemon has it done. Nobody judges,
plans or logs, nor looks at what has the name. What that takes is the price of schemad's promises: no daemon that
keeps them by the same functions is quicker. It knows the bench's table alone. A program of its own; SCHEMAD_DSN
names the database, which has schemad in it.
"""

import json
import os
from collections.abc import Sequence

import asyncpg
import uvloop

from benchmarks.duties.consumer import consume
from schemad.bench.contenders import Running, process
from schemad.bench.table import PAYLOAD
from schemad.ddl import decide
from schemad.policy import Policy, TableFacts
from schemad.store import Connection, DecidedRequest, Queue, QueuedRequest, connect
from schemad.store.decided import decision_row
from schemad.store.sql_files import query

# What stands for a request's own in the decision that all have in common.
NAME, ROLE, ID = "beforehand_name", "beforehand_role", 2_147_483_647


def beforehand(dsn: str) -> Running:
    """This program, at work on a database."""
    return process("-m", "benchmarks.duties.beforehand", ready="ready", SCHEMAD_DSN=dsn)


def decision_of_all(policy: Policy) -> str:
    """The decision on any request for the bench's table, as JSON, with NAME, ROLE and ID in it."""
    facts = TableFacts()
    request = QueuedRequest(
        id=ID,
        requester_user_id="bench",
        requested_by=ROLE,
        schema_name=NAME,
        payload=PAYLOAD,
        attempts=0,
        decided_by=None,
        decision_reason=None,
        approved_sql=None,
        seen_rules=[],
        facts=facts,
        policy_version=policy.version,
        was_put_off=False,
        submitted=0.0,
    )
    decision = decide(NAME, PAYLOAD, policy, facts, requested_by=ROLE)
    return json.dumps(decision_row(DecidedRequest(request, decision)))


async def main() -> None:
    """Works the queue off."""
    connection = await connect(os.environ["SCHEMAD_DSN"], job="beforehand")
    policy = await Queue(connection).policy()
    await connection.close()
    common = decision_of_all(policy)

    async def make(connection: Connection, requests: Sequence[asyncpg.Record]) -> None:
        rows = (
            common.replace(NAME, r["schema_name"]).replace(ROLE, r["requested_by"]).replace(str(ID), str(r["id"]))
            for r in requests
        )
        await connection.fetch(query("apply"), policy.version, f"[{','.join(rows)}]")

    await consume("beforehand", make, pinned=True)


if __name__ == "__main__":
    uvloop.run(main())
