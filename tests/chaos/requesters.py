"""Requesters: applications that ask for all kinds of things, and a reviewer, over connections that fail."""

import asyncio
import json
import random
from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg

from tests.chaos.ledger import Asked, Ledger, now
from tests.chaos.session import Session
from tests.support.requests import INSERT

HOT = "hot"  # tables that everybody refers to, and that somebody may have locked
HOT_COUNT = 3
MOST_IN_BULK = 40
# Seconds after which a requester stops to wait for a decision, and goes on.
WAIT = 60.0

Payload = dict[str, Any]
SIMPLE: Payload = {"fields": [{"name": "a", "type": "text"}]}
TYPES = [
    "text",
    "varchar(40)",
    "integer",
    "bigint",
    "numeric(10,2)",
    "boolean",
    "date",
    "timestamptz",
    "uuid",
    "jsonb",
]


class Requester:
    """One application.

    Args:
        number: Its own number, in the names of its tables.
        role: The login that it has.
        session: Its connection.
        chance: Where its choices come from.
        ledger: Where it notes what it was told.
        pace: Waits until it is time for so many more requests.
    """

    def __init__(
        self,
        number: int,
        role: str,
        session: Session,
        chance: random.Random,
        ledger: Ledger,
        pace: Callable[[int], Awaitable[bool]],
    ) -> None:
        self._number = number
        self.role = role
        self._session = session
        self._chance = chance
        self._ledger = ledger
        self._pace = pace
        self._count = 0
        self._tables: list[str] = []
        self._kinds: list[tuple[Callable[[], Awaitable[int]], int]] = [
            (self._new_table, 40),
            (self._more_fields, 14),
            (self._reference, 14),
            (self._asked_again, 6),
            (self._twice_at_once, 4),
            (self._refused_by_server, 5),
            (self._held, 6),
            (self._withdrawn, 4),
            (self._before_its_parent, 3),
            (self._shelved, 2),
            (self._dropped, 2),
            (self._bulk, 3),
            (self._malformed, 2),
        ]

    async def run(self) -> None:
        """Asks for one thing after the other, for as long as there is something to ask for."""
        doing, weights = zip(*self._kinds, strict=True)
        while await self._pace(0):
            kind = self._chance.choices(doing, weights)[0]
            made = await kind()
            self._ledger.kinds[kind.__name__.strip("_")] += made
            if not await self._pace(made):
                return

    def _name(self, prefix: str = "t") -> str:
        self._count += 1
        return f"{prefix}_{self._number}_{self._count}"

    def _own(self) -> str | None:
        return self._chance.choice(self._tables[-30:]) if self._tables else None

    async def _submit(self, name: str, payload: Payload) -> Asked:
        self._count += 1
        key = f"{self._number}-{self._count}"
        return await self._submit_as(key, self._session, name, payload)

    async def _submit_as(self, key: str, session: Session, name: str, payload: Payload) -> Asked:
        submitted_at = 0.0

        async def submit(connection: Any) -> int:
            nonlocal submitted_at
            submitted_at = now()
            request_id: int = await connection.fetchval(
                "SELECT schemad.submit_request($1, $2, $3, $4)",
                f"user{self._number}",
                name,
                json.dumps(payload),
                key,
            )
            return request_id

        request_id = await session.insist(submit)
        return self._ledger.enter(self.role, key, request_id, submitted_at)

    async def _decision(self, asked: Asked) -> str | None:
        """`approved`, `review`, `failed` and so on; None where it takes too long."""
        deadline = now() + WAIT
        while now() < deadline:
            row = await self._session.rows(
                "SELECT status, verdict FROM schemad.wait_for_request($1, '3 s')", asked.request_id
            )
            status, verdict = row[0]
            if status != "pending" or verdict is not None:
                asked.decided_at = now()
                return str(verdict if status == "pending" else status)
        return None

    async def _ask(self, name: str, payload: Payload, *, waits: float = 0.8) -> Asked:
        asked = await self._submit(name, payload)
        if (
            self._chance.random() < waits
            and await self._decision(asked) == "approved"
            and name not in self._tables
        ):
            self._tables.append(name)
        return asked

    async def _decide(self, function: str, request_id: int) -> None:
        """Cancels or retries; that somebody was faster, oneself over a lost link included, is no error."""
        try:
            await self._session.value(f"SELECT schemad.{function}($1)", request_id)
        except asyncpg.ObjectNotInPrerequisiteStateError:
            self._ledger.troubles["decided before"] += 1

    def _fields(self) -> list[Payload]:
        names = ["alpha", "beta", "gamma", "delta", "epsilon"][: self._chance.randint(1, 5)]
        return [{"name": name, "type": self._chance.choice(TYPES)} for name in names]

    async def _new_table(self) -> int:
        payload: Payload = {"description": "made in chaos", "fields": self._fields()}
        if self._chance.random() < 0.2:
            payload["fields"].append({"name": "code", "type": "varchar(20)", "unique": True, "nullable": False})
        if self._chance.random() < 0.2:
            payload["fields"].append({"name": "size", "type": "integer", "default": 1})
            payload |= {"checks": ["size > 0"], "indexes": [{"fields": ["size"]}]}
        if self._chance.random() < 0.1:
            payload["fields"].append({"name": "place", "type": "serial"})
        await self._ask(self._name(), payload)
        return 1

    async def _more_fields(self) -> int:
        name = self._own()
        if name is None:
            return await self._new_table()
        self._count += 1
        await self._ask(name, {"fields": [{"name": f"more_{self._count}", "type": self._chance.choice(TYPES)}]})
        return 1

    async def _reference(self) -> int:
        own = self._own()
        parent = (
            own
            if own and self._chance.random() < 0.5
            else f"{HOT}_{self.role}_{self._chance.randrange(HOT_COUNT)}"
        )
        reference = {"name": "parent_id", "type": "bigint", "references": {"table": parent, "field": "id"}}
        await self._ask(self._name(), {"fields": [reference]})
        return 1

    async def _asked_again(self) -> int:
        name = self._own()
        if name is None:
            return await self._new_table()
        await self._ask(name, SIMPLE)
        return 1

    async def _twice_at_once(self) -> int:
        """With one key over two sessions: it is one request."""
        self._count += 1
        key, name = f"{self._number}-{self._count}", self._name()
        async with self._session.another() as other:
            one, two = await asyncio.gather(
                self._submit_as(key, self._session, name, SIMPLE), self._submit_as(key, other, name, SIMPLE)
            )
        assert one.request_id == two.request_id, f"key {key} led to requests {one.request_id} and {two.request_id}"
        await self._decision(one)
        return 1

    async def _refused_by_server(self) -> int:
        # json has no order, so no btree can be built over it.
        payload = {"fields": [{"name": "doc", "type": "json"}], "indexes": [{"fields": ["doc"]}]}
        asked = await self._ask(self._name("refused"), payload)
        if self._chance.random() < 0.3:
            await self._decide("retry_request", asked.request_id)
        return 1

    async def _held(self) -> int:
        """For the reviewer, but for those that are left."""
        prefix = "left" if self._chance.random() < 0.2 else "held"
        default = {"expression": "txid_current()"}
        await self._ask(self._name(prefix), {"fields": [{"name": "a", "type": "bigint", "default": default}]})
        return 1

    async def _withdrawn(self) -> int:
        """At once, which may be too late, or once it is held."""
        if self._chance.random() < 0.5:
            asked = await self._ask(self._name(), SIMPLE, waits=0)
        else:
            field = {"name": "a", "type": "bigint", "default": {"expression": "txid_current()"}}
            asked = await self._ask(self._name("left"), {"fields": [field]})
        await self._decide("cancel_request", asked.request_id)
        return 1

    async def _before_its_parent(self) -> int:
        """Held, as the table that it refers to is missing; asked for and retried, it is made."""
        parent, child = self._name(), self._name()
        reference = {"name": "parent_id", "type": "bigint", "references": {"table": parent, "field": "id"}}
        asked = await self._ask(child, {"fields": [reference]}, waits=1)
        await self._ask(parent, SIMPLE, waits=1)
        await self._decide("retry_request", asked.request_id)
        return 2

    async def _shelved(self) -> int:
        name = self._own()
        if name is None:
            return await self._new_table()
        await self._ask(name, {"action": "deprecate"})
        await self._ask(name, {"action": "restore"})
        return 2

    async def _dropped(self) -> int:
        """Held, for the reviewer; nobody refers to it."""
        name = self._name("gone")
        await self._ask(name, SIMPLE, waits=1)
        await self._ask(name, {"action": "drop"}, waits=1)
        if name in self._tables:
            self._tables.remove(name)
        return 2

    async def _bulk(self) -> int:
        """Rows inserted in one statement, as good as the function."""
        count = self._chance.randint(5, MOST_IN_BULK)
        self._count += 1
        batch = self._count
        names = [self._name("bulk") for _ in range(count)]
        keys = [f"{self._number}-{batch}-{n}" for n in range(count)]
        statement = (
            INSERT.replace("request_payload)", "request_payload, idempotency_key)")
            + "SELECT $1, u.name, $2, u.key FROM unnest($3::text[], $4::text[]) AS u (name, key) "
            "ON CONFLICT (requested_by, idempotency_key) DO NOTHING"
        )
        began = now()
        await self._session.value(statement, f"user{self._number}", json.dumps(SIMPLE), names, keys)
        rows = await self._session.rows(
            "SELECT id, idempotency_key FROM schemad.schema_requests WHERE requester_user_id = $1 "
            "AND requested_by = current_user AND idempotency_key = ANY ($2::text[])",
            f"user{self._number}",
            keys,
        )
        assert len(rows) == count, f"of {count} requests inserted in bulk {len(rows)} are there"
        entries = [self._ledger.enter(self.role, row["idempotency_key"], row["id"], began) for row in rows]
        await self._decision(entries[-1])
        return count

    async def _malformed(self) -> int:
        """Refused at submit: no request at all."""
        try:
            await self._submit(self._name(), {"fields": [{"name": "a", "type": "no_such_type"}]})
        except asyncpg.PostgresError as error:
            self._ledger.troubles[f"malformed {error.sqlstate}"] += 1
            return 0
        raise AssertionError("a malformed request was accepted")


class Reviewer:
    """A person who approves most of what is held, rejects some, and has some of what failed tried again.

    Args:
        session: A reviewer's connection.
        chance: Where the choices come from.
        ledger: Where errors are counted.
    """

    def __init__(self, session: Session, chance: random.Random, ledger: Ledger) -> None:
        self._session = session
        self._chance = chance
        self._ledger = ledger
        self._retried: set[int] = set()

    async def run(self) -> None:
        """Decides, until cancelled."""
        while True:
            held = await self._session.rows(
                "SELECT id, state, plan_digest, why LIKE 'nobody%' AS is_refused FROM schemad.pending_requests "
                "WHERE state <> 'queued' AND schema_name NOT LIKE 'left%' ORDER BY id DESC LIMIT 50"
            )
            for request in held:
                await self._decide(request)
            await asyncio.sleep(0.2)

    async def _decide(self, request: "asyncpg.Record") -> None:
        number, kind = request["id"], self._chance.random()
        try:
            if request["is_refused"] or request["state"] == "failed":
                if number not in self._retried and kind < 0.5:
                    self._retried.add(number)
                    await self._session.value("SELECT schemad.retry_request($1)", number)
            elif kind < 0.75:
                await self._session.value(
                    "SELECT schemad.approve_request($1, 'agreed', $2)", number, request["plan_digest"]
                )
            elif kind < 0.9:
                await self._session.value("SELECT schemad.reject_request($1, 'no')", number)
        except asyncpg.ObjectNotInPrerequisiteStateError:
            self._ledger.troubles["decided before"] += 1
