"""What the database does for schemad, by decisions that were made before any request came.

It tells what is due and what has the names; everything is claimed, made as its owner, granted, proven and
recorded, by the daemon's own statements. Nobody judges, plans, logs, tells of a backlog or waits for what was
put off. So this is the price of schemad's promises in the server, and a daemon with the same functions, batches
and sessions is no quicker. It knows the bench's table alone. A program of its own; SCHEMAD_DSN names the
database, which has schemad in it.
"""

import json
import os
from collections.abc import Mapping, Sequence

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

# What stands in the decision that all requests have in common for what each has of its own.
NAME, ROLE, ID = "name_of_the_request", "role_of_the_request", 2_147_483_647


def sql_alone(dsn: str) -> Running:
    """This program, at work on a database."""
    return process("-m", "benchmarks.duties.sql_alone", ready="ready", SCHEMAD_DSN=dsn)


def common_decision(policy: Policy) -> str:
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


def decision_on(request: Mapping[str, object] | asyncpg.Record, common: str) -> str:
    """The decision on one request, as JSON."""
    own = {NAME: request["schema_name"], ROLE: request["requested_by"], str(ID): request["id"]}
    for placeholder, value in own.items():
        common = common.replace(placeholder, str(value))
    return common


async def main() -> None:
    """Works the queue off."""
    asking = await connect(os.environ["SCHEMAD_DSN"], job="sql alone")
    policy = await Queue(asking).policy()
    await asking.close()
    common = common_decision(policy)

    async def make(connection: Connection, requests: Sequence[asyncpg.Record]) -> None:
        decisions = ",".join(decision_on(request, common) for request in requests)
        await connection.fetch(query("apply"), policy.version, f"[{decisions}]")

    await consume("sql alone", _read, make, pinned=True)


async def _read(connection: Connection, in_hand: Mapping[int, str], limit: int) -> Sequence[asyncpg.Record]:
    return await connection.fetch(query("candidates"), limit, list(in_hand), list(in_hand.values()))


if __name__ == "__main__":
    uvloop.run(main())
