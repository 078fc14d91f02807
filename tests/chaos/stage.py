"""The stage: a server with schemad in it and a fleet of daemons, kept running from beginning to end."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from schemad.store import migrate
from tests.chaos.cluster import Cluster
from tests.chaos.fleet import Member
from tests.chaos.ledger import Ledger
from tests.chaos.links import Links
from tests.chaos.plan import chance_of
from tests.chaos.session import Session
from tests.support.databases import LOGINS, make_login

Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Stage:
    """What is there.

    Attributes:
        cluster: The servers.
        fleet: The daemons, each with the links that it goes through.
        keeping: What keeps all of them running; these tasks end by a defect only.
    """

    cluster: Cluster
    fleet: list[Member]
    keeping: list["asyncio.Task[None]"]

    def session(self, role: str, ledger: Ledger, *what: object) -> Session:
        """A session that survives; `what` makes its choices its own."""
        return Session(self.cluster.dsn(role), chance_of(role, *what), ledger)

    async def act(self, act: Coroutine[Any, Any, Result]) -> Result:
        """Does something, for as long as everything is kept running.

        Raises:
            Exception: What ended one of those that keep it so.
        """
        acting = asyncio.create_task(act)
        try:
            await asyncio.wait({acting, *self.keeping}, return_when=asyncio.FIRST_COMPLETED)
            for task in self.keeping:
                if task.done():
                    task.result()
            return await acting
        finally:
            acting.cancel()
            await asyncio.gather(acting, return_exceptions=True)


@contextlib.asynccontextmanager
async def staged(
    directory: Path, major: int, daemons: int, environment: Mapping[str, str], *, through_links: bool = True
) -> AsyncIterator[Stage]:
    """Sets the stage, and leaves nothing of it but logs.

    Args:
        directory: Where everything is kept.
        major: PostgreSQL's.
        daemons: How many.
        environment: Their settings.
        through_links: Whether they connect through proxies, which can fail.
    """
    cluster = Cluster(directory, major)
    stage = Stage(cluster, [], [])
    try:
        await cluster.start()
        async with cluster.admin() as admin:
            await migrate(admin)
            for login, role in LOGINS.items():
                await admin.execute(make_login(login, role))
        for number in range(1, daemons + 1):
            links = Links([place.port for place in cluster.places])
            await links.start()
            dsn = cluster.dsn("daemon_login", *(links.ports if through_links else []))
            stage.fleet.append(Member(number, links, dsn, directory, environment))
        stage.keeping.append(asyncio.create_task(cluster.keep_running(), name="servers"))
        stage.keeping.extend(asyncio.create_task(member.keep_running(), name="daemon") for member in stage.fleet)
        yield stage
    finally:
        for task in stage.keeping:
            task.cancel()
        await asyncio.gather(*stage.keeping, return_exceptions=True)
        for member in stage.fleet:
            await member.stop()
            await member.links.stop()
        for number, path in enumerate(cluster.log_paths(), 1):
            if path.exists():
                (directory / f"server-{number}.log").write_bytes(path.read_bytes())
        await cluster.close()
