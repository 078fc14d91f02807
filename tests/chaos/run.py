"""A run: daemons, requesters and faults side by side, then calm, then the verdict."""

import asyncio
import contextlib
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import asyncpg

from schemad.store.connect import LINK_ERRORS
from tests.chaos.faults import KINDS, NoTarget, World
from tests.chaos.fleet import HASTY
from tests.chaos.invariants import Violation, violations
from tests.chaos.ledger import Ledger, now
from tests.chaos.plan import PlannedFault, chance_of, planned
from tests.chaos.requesters import HOT, HOT_COUNT, Requester, Reviewer
from tests.chaos.session import Session
from tests.chaos.stage import Stage, staged

ROLES = ["app_one", "app_two"]
REQUESTERS = 6
# Seconds after the last fault in which everything has to be decided.
SETTLING = 120.0
# What is left of requests when the faults are over is made afterwards, in at most so many times as long.
OVERTIME = 4
UNDECIDED = (
    "SELECT count(*) FROM schemad.schema_requests AS r, pg_sleep(0.05) "
    "WHERE r.status = 'pending' AND r.verdict IS NULL"
)


@dataclass(frozen=True, slots=True)
class Injected:
    """A fault that happened, when on the ledger's clock."""

    kind: str
    began: float
    ended: float


@dataclass(slots=True)
class Verdict:
    """What a run showed.

    Attributes:
        injected: Each fault that found something to happen to.
        missed: Planned faults that found nothing.
        requests: How many there are in the database.
        outcomes: How many of them by status and verdict.
        broken: Promises that were broken.
        notes: What else is worth telling, by name.
    """

    injected: list[Injected] = field(default_factory=list)
    missed: Counter[str] = field(default_factory=Counter)
    requests: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    broken: list[Violation] = field(default_factory=list)
    notes: dict[str, object] = field(default_factory=dict)


class Run:
    """One run.

    Args:
        seed: Where every choice comes from.
        seconds: How long there are faults.
        requests: How many requests there are in all, at least; faults may be over before.
        per_minute: How many faults.
        daemons: How many daemons.
        kinds: Names of the faults that may happen.
        major: PostgreSQL's.
        directory: Where everything is kept.
    """

    def __init__(
        self,
        *,
        seed: int,
        seconds: float,
        requests: int,
        per_minute: float,
        daemons: int,
        kinds: set[str],
        major: int,
        directory: Path,
    ) -> None:
        self._seed = seed
        self._seconds = seconds
        self._requests = requests
        self.daemons = daemons
        self._directory = directory
        self.plan = planned(seed, seconds, per_minute, kinds)
        self.major = major
        self.ledger = Ledger()
        self.verdict = Verdict()
        self._stage: Stage
        self._made = 0
        self._began = 0.0
        self._faults_over = asyncio.Event()
        self.settling = 0.0

    async def run(self) -> Verdict:
        """Does it."""
        async with staged(self._directory, self.major, self.daemons, HASTY) as self._stage:
            await self._stage.act(self._act())
            codes = [await member.stop() for member in self._stage.fleet]
            self._judge_daemons(codes)
            async with self._stage.cluster.admin() as admin:
                await self._judge(admin)
        return self.verdict

    async def _act(self) -> None:
        """The storm, and the calm after it."""
        await self._make_hot_tables()
        self._began = now()
        reviewing = asyncio.create_task(self._review(), name="reviewer")
        try:
            async with asyncio.timeout(self._seconds * OVERTIME + SETTLING), asyncio.TaskGroup() as group:
                group.create_task(self._inject_all(), name="faults")
                for n in range(REQUESTERS):
                    group.create_task(self._ask(n), name=f"requester {n}")
            await self._stage.cluster.drop_standby()
            await self._settle()
        finally:
            reviewing.cancel()
            await asyncio.gather(reviewing, return_exceptions=True)
        await self._settle()

    async def _make_hot_tables(self) -> None:
        for role in ROLES:
            async with self._session(role, "hot") as session:
                for n in range(HOT_COUNT):
                    request_id = await session.value(
                        "SELECT schemad.submit_request('hot', $1, $2, $1)",
                        f"{HOT}_{role}_{n}",
                        json.dumps({"fields": [{"name": "a", "type": "text"}]}),
                    )
                    await session.value("SELECT id FROM schemad.wait_for_request($1, '20 s')", request_id)

    def _session(self, role: str, what: str) -> Session:
        return self._stage.session(role, self.ledger, self._seed, what)

    async def _ask(self, number: int) -> None:
        role = ROLES[number % len(ROLES)]
        chance = chance_of(self._seed, "requester", number)
        async with self._session(role, str(number)) as session:
            await Requester(number, role, session, chance, self.ledger, self._pace).run()

    async def _pace(self, made: int) -> bool:
        """Counts requests made, and waits until it is time for more; whether there are to be more."""
        self._made += made
        while (
            not self._faults_over.is_set() and self._made / self._requests > (now() - self._began) / self._seconds
        ):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._faults_over.wait(), 0.01)
        return self._made < self._requests or not self._faults_over.is_set()

    async def _review(self) -> None:
        async with self._session("dba_one", "reviewer") as session:
            await Reviewer(session, chance_of(self._seed, "reviewer"), self.ledger).run()

    async def _inject_all(self) -> None:
        async with asyncio.TaskGroup() as group:
            for fault in self.plan:
                await asyncio.sleep(max(0.0, self._began + fault.at - now()))
                group.create_task(self._inject(fault), name=fault.kind)
        # What was still to come of it when the plan was over.
        await asyncio.sleep(max(0.0, self._began + self._seconds - now()))
        self._faults_over.set()

    async def _inject(self, fault: PlannedFault) -> None:
        began = now()

        def strike() -> None:
            nonlocal began
            began = now()

        world = World(self._stage.cluster, self._stage.fleet, ROLES, strike)
        try:
            await KINDS[fault.kind](world, chance_of(fault.seed))
        except (NoTarget, RuntimeError, asyncpg.PostgresError, *LINK_ERRORS) as error:
            # Another fault was faster, such as one that took the server away.
            self.verdict.missed[f"{fault.kind}: {type(error).__name__} {error}"[:120]] += 1
        else:
            self.verdict.injected.append(Injected(fault.kind, began, now()))

    async def _settle(self) -> None:
        """Waits until nothing is undecided."""
        started = now()
        async with self._stage.cluster.admin() as admin:
            while await admin.fetchval(UNDECIDED) and now() < started + SETTLING:
                pass
        self.settling = max(self.settling, now() - started)

    async def _judge(self, admin: "asyncpg.Connection[asyncpg.Record]") -> None:
        self.verdict.requests = await admin.fetchval("SELECT count(*) FROM schemad.schema_requests")
        rows = await admin.fetch(
            "SELECT concat_ws(' ', status, verdict) AS outcome, count(*) FROM schemad.schema_requests "
            "GROUP BY 1 ORDER BY 1"
        )
        self.verdict.outcomes = {row["outcome"]: row["count"] for row in rows}
        self.verdict.notes["given up"] = await admin.fetchval(
            "SELECT count(*) FROM schemad.schema_requests "
            "WHERE verdict = 'failed' AND schema_name NOT LIKE 'refused%'"
        )
        self.verdict.notes["most attempts"] = await admin.fetchval(
            "SELECT max(attempts) FROM schemad.schema_requests"
        )
        self.verdict.notes["seconds to settle"] = round(self.settling, 1)
        self.verdict.notes["server starts"] = self._stage.cluster.starts
        self.verdict.broken += await violations(admin, self.ledger)

    def _judge_daemons(self, codes: list[int | None]) -> None:
        """What the daemons themselves have to show."""
        events: Counter[str] = Counter()
        for member, code in zip(self._stage.fleet, codes, strict=True):
            if code != 0:
                self._break("a daemon ends in order", f"{member.log_path.name}: exit code {code}")
            for line in member.log_path.read_text(encoding="utf-8").splitlines():
                try:
                    event = json.loads(line)
                except ValueError:
                    if line.startswith("Traceback"):
                        self._break("no daemon shows a traceback", f"{member.log_path.name}: {line}")
                    continue
                events[event["event"]] += 1
                if event.get("level") in {"error", "critical"} or "exception" in event:
                    self._break("no daemon has a defect to tell", f"{member.log_path.name}: {line}")
        starts = sum(member.starts for member in self._stage.fleet)
        self.verdict.notes["daemon starts"] = starts
        self.verdict.notes["daemons that ended by themselves"] = sum(
            len(member.ends) for member in self._stage.fleet
        )
        self.verdict.notes["events of daemons"] = dict(events.most_common())

    def _break(self, promise: str, case: str) -> None:
        self.verdict.broken.append(Violation(promise, case))
