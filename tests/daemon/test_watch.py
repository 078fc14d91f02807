"""The watch, in which nobody notifies as a daemon is busy anyway: no wake-up is lost, whatever the order."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import pytest

from schemad.daemon import Daemon
from schemad.daemon.watch import Watch
from schemad.store import Connection
from tests.database.asking import Ask, insert, listening, refusal, submit
from tests.support.daemons import PATIENCE, running_daemon
from tests.support.databases import Database, fields
from tests.support.proxy import running_proxy
from tests.support.requests import ask, decided, on_creation, submit_many, until
from tests.support.servers import server_names
from tests.support.stepping import Actor, Halt, Script, close_halts, every_order, put_halts, some_orders

REQUESTS = "schemad_requests"
ANNOUNCEMENTS = "schemad_watch"
FUNCTIONS = ("wake_daemons", "keep_watch", "end_watch")
CLAIMABLE = "SELECT count(*) FROM schemad.schema_requests WHERE status = 'pending' AND verdict IS NULL"
IS_OVER = "(SELECT is_over FROM schemad.watch)"
on_newest = pytest.mark.parametrize("server", server_names()[-1:], indirect=True)


@dataclass
class Sleeper:
    """A daemon that goes to sleep as the worker does, and how many requests it saw at its last look."""

    watch: Watch
    announced: asyncio.Event
    connection: Connection
    seen: int = 0
    sleeps: bool = False

    @classmethod
    def on(cls, connection: Connection) -> "Sleeper":
        """One that has just connected."""
        announced = asyncio.Event()
        return cls(Watch(connection, announced), announced, connection)

    async def go_to_sleep(self, halt: Halt) -> None:
        """Sweeps; if every watch is over, sweeps again and sleeps."""
        await self.sweep()
        await halt()
        if await self.watch.end():
            await halt()
            await self.sweep()
            self.sleeps = True

    async def begin_watch_and_go_to_sleep(self, halt: Halt) -> None:
        """The same, of one that had much to do before."""
        await self.watch.keep()
        await halt()
        await self.go_to_sleep(halt)

    async def go_to_sleep_after_one_sweep(self, halt: Halt) -> None:
        """What would be wrong: it does not look again after the watch was over."""
        await self.sweep()
        await halt()
        self.sleeps = await self.watch.end()

    async def until_asleep(self) -> None:
        """Goes on until it sleeps, with nobody else left."""
        while not self.sleeps or self.watch.may_be_on:
            await self.go_to_sleep(_on)

    async def sweep(self) -> None:
        """Looks at the queue."""
        self.seen = await self.connection.fetchval(CLAIMABLE)


async def _on() -> None:
    pass


def lasting(text: str) -> str:
    """A function that keeps a watch, with one that lasts longer than any machine stands still."""
    return text.replace("interval '3 s'", "interval '1 h'")


class Stage:
    """A database with halts in it, an inserter and daemons to be stepped, and what is heard of them."""

    def __init__(self, admin: Connection, listener: Connection, actors: Sequence[Actor]) -> None:
        self._admin = admin
        self._listener = listener
        self.actors = actors
        self.inserter = actors[0].connection
        self.sleepers = [Sleeper.on(actor.connection) for actor in actors[1:]]
        self.daemon = self.sleepers[0]
        self.notified = False
        self._mark = asyncio.Event()

    async def listen(self) -> None:
        """Hears what the inserter sends, and tells the daemons, but for the first one, of watches."""
        await self._listener.add_listener(REQUESTS, self._hear_request)
        await self._listener.add_listener(ANNOUNCEMENTS, self._hear_announcement)
        await self._listener.add_listener("mark", lambda *_: self._mark.set())

    async def begin(self, *, watched: bool) -> None:
        """An empty queue; a watch of the first daemon's is on, or all is quiet and everybody knows."""
        for actor in self.actors:
            await actor.halt_inside(False)
        await self._admin.execute(
            "DELETE FROM schemad.schema_requests; UPDATE schemad.watch SET is_over = true, ends_at = '-infinity'"
        )
        for sleeper in self.sleepers:
            sleeper.announced.clear()
            sleeper.seen, sleeper.sleeps = 0, False
        if watched:
            await self.daemon.watch.keep()
            await self._everything_heard()
        self.notified = False
        for actor in self.actors:
            await actor.halt_inside(True)

    async def loses_wake_up(self) -> bool:
        """After a run: whether a daemon sleeps that has not seen a request which nobody was notified of."""
        await self._everything_heard()
        for actor, sleeper in zip(self.actors[1:], self.sleepers, strict=True):
            await actor.halt_inside(False)
            await sleeper.until_asleep()
        there = await self._admin.fetchval(CLAIMABLE)
        return not self.notified and any(sleeper.seen < there for sleeper in self.sleepers)

    async def _everything_heard(self) -> None:
        self._mark.clear()
        await self._listener.execute("NOTIFY mark")
        await self._mark.wait()

    def _hear_request(self, *_: object) -> None:
        self.notified = True

    def _hear_announcement(self, *_: object) -> None:
        for sleeper in self.sleepers[1:]:
            sleeper.announced.set()


@contextlib.asynccontextmanager
async def stage(
    database: Database, admin: Connection, *, daemons: int = 1, change: Callable[[str], str] = str
) -> AsyncIterator[Stage]:
    """A stage; `change` is what becomes of the functions' text."""
    # Its lock stands in the way of a daemon's, which then leaves steps out: an order is one of the same steps.
    await admin.execute("ALTER TABLE schemad.watch SET (autovacuum_enabled = false)")
    await put_halts(admin, *FUNCTIONS, change=lambda text: lasting(change(text)))
    async with contextlib.AsyncExitStack() as stack:
        logins = ["app_one"] + ["daemon_login"] * daemons
        connections = [await stack.enter_async_context(database.connection(login)) for login in logins]
        drivers = [await stack.enter_async_context(database.connection()) for _ in logins]
        actors = [Actor(n, *pair) for n, pair in enumerate(zip(drivers, connections, strict=True))]
        made = Stage(admin, await stack.enter_async_context(database.connection()), actors)
        await made.listen()
        yield made


def transaction(connection: Connection, *steps: str) -> Script:
    """A script of statements, with a halt before each but the first."""

    async def script(halt: Halt) -> None:
        for number, step in enumerate(steps):
            if number:
                await halt()
            await connection.execute(step)

    return script


SUBMIT = f"SELECT schemad.submit_request('u', 'notes', '{json.dumps(fields('a'))}')"
TRANSACTIONS = {
    "plain": [f"BEGIN; {SUBMIT}", "COMMIT"],
    "rolled back": [f"BEGIN; {SUBMIT}", "ROLLBACK"],
    "in a savepoint": [f"BEGIN; SAVEPOINT a; {SUBMIT}; RELEASE a", "COMMIT"],
    "after a rollback": [f"BEGIN; SAVEPOINT a; {SUBMIT}; ROLLBACK TO a", SUBMIT, "COMMIT"],
    "before a rollback": [f"BEGIN; {SUBMIT}", f"SAVEPOINT a; {SUBMIT}; ROLLBACK TO a", "COMMIT"],
    "repeatable read": ["BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT", SUBMIT, "COMMIT"],
    "serializable": ["BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT", SUBMIT, "COMMIT"],
}
NOTIFYING = {"repeatable read", "serializable"}
# Of so many orders that they are a matter of seconds, these many are taken by chance.
LONG = {"after a rollback", "before a rollback"}
SAMPLE = 40


@on_newest
@pytest.mark.parametrize("kind", TRANSACTIONS)
async def test_no_order_of_submitting_and_ending_a_watch_loses_a_wake_up(
    database: Database, admin: Connection, kind: str
) -> None:
    async with stage(database, admin) as it:

        async def scripts() -> list[Script]:
            await it.begin(watched=True)
            return [transaction(it.inserter, *TRANSACTIONS[kind]), it.daemon.go_to_sleep]

        if kind in LONG:
            orders = some_orders(it.actors, scripts, count=SAMPLE, seed=1)
        else:
            orders = every_order(it.actors, scripts)
        silent, lost = 0, []
        async for order in orders:
            if await it.loses_wake_up():
                lost.append(order)
            silent += not it.notified
    assert lost == []
    # Else nothing was at stake.
    assert (silent == 0) is (kind in NOTIFYING)


@on_newest
async def test_no_order_of_submitting_and_beginning_and_ending_a_watch_loses_a_wake_up(
    database: Database, admin: Connection
) -> None:
    async with stage(database, admin) as it:

        async def scripts() -> list[Script]:
            await it.begin(watched=False)
            return [transaction(it.inserter, *TRANSACTIONS["plain"]), it.daemon.begin_watch_and_go_to_sleep]

        lost = [order async for order in every_order(it.actors, scripts) if await it.loses_wake_up()]
    assert lost == []


@on_newest
async def test_no_order_of_submitting_and_two_daemons_going_to_sleep_loses_a_wake_up(
    database: Database, admin: Connection
) -> None:
    async with stage(database, admin, daemons=2) as it:
        busy, idle = it.sleepers

        async def scripts() -> list[Script]:
            await it.begin(watched=False)
            plain = transaction(it.inserter, *TRANSACTIONS["plain"])
            return [plain, busy.begin_watch_and_go_to_sleep, idle.go_to_sleep]

        orders = some_orders(it.actors, scripts, count=SAMPLE, seed=1)
        lost = [order async for order in orders if await it.loses_wake_up()]
    assert lost == []


# What each part of the protocol is there for: a text of the functions, what it is replaced with, and the kind of
# transaction that then loses its wake-up.
LESSER = {
    "a look without a lock": ("LOCK TABLE schemad.watch IN ROW SHARE MODE NOWAIT", "PERFORM", "plain"),
    "no look under the lock": (
        "PERFORM FROM schemad.watch AS w WHERE clock_timestamp() BETWEEN w.started_at AND w.ends_at",
        "PERFORM FROM (SELECT) AS w",
        "plain",
    ),
    "an end that heeds no lock": ("IN EXCLUSIVE MODE", "IN ACCESS SHARE MODE", "plain"),
    "a snapshot older than the lock": ("'read uncommitted'", "'repeatable read'", "repeatable read"),
    "no sweep after the end": ("", "", "plain"),
}


@on_newest
@pytest.mark.parametrize("what", LESSER)
async def test_a_protocol_with_less_in_it_is_seen_to_lose_a_wake_up(
    database: Database, admin: Connection, what: str
) -> None:
    text, instead, kind = LESSER[what]
    async with stage(database, admin, change=lambda whole: whole.replace(text, instead) if text else whole) as it:
        sleep = it.daemon.go_to_sleep if text else it.daemon.go_to_sleep_after_one_sweep

        async def scripts() -> list[Script]:
            await it.begin(watched=True)
            return [transaction(it.inserter, *TRANSACTIONS[kind]), sleep]

        async for _ in every_order(it.actors, scripts):
            if await it.loses_wake_up():
                return
    pytest.fail("no order loses a wake-up")


async def have_watches_last(admin: Connection) -> None:
    """Whatever watch is begun in that database lasts until somebody ends it."""
    text = await admin.fetchval("SELECT pg_get_functiondef('schemad.keep_watch'::regproc)")
    assert lasting(text) != text
    await admin.execute(lasting(text))


@contextlib.asynccontextmanager
async def watched(database: Database) -> AsyncIterator[Connection]:
    """The session of a daemon that has just begun a watch; it is cut off afterwards, as by a kill -9.

    That watch, and each that is begun in the database from then on, lasts until it is ended.
    """
    async with database.connection() as admin:
        await have_watches_last(admin)
    async with database.connection("daemon_login") as keeper:
        await keeper.execute("SELECT schemad.keep_watch()")
        yield keeper


async def end_watch_not_over(keeper: Connection, admin: Connection) -> None:
    """Ends the watch of a session, where somebody has still to commit who relied on it."""
    assert await admin.fetchval("SELECT kept_by FROM schemad.watch") == keeper.get_server_pid()
    async with asyncio.timeout(PATIENCE):
        # Not at the first try, where the daemon looks at the watch at that moment.
        while await admin.fetchval("SELECT ends_at > clock_timestamp() FROM schemad.watch"):
            assert await keeper.fetchval("SELECT schemad.end_watch()") is False


@pytest.mark.parametrize("ask_for", [submit, insert])
async def test_while_a_watch_is_on_nothing_is_sent_and_afterwards_it_is(
    database: Database, app: Connection, ask_for: Ask
) -> None:
    async with listening(database, REQUESTS) as so_far, watched(database) as keeper:
        await ask_for(app, "silent", fields("a"))
        assert await so_far() == []
        assert await keeper.fetchval("SELECT schemad.end_watch()")
        await ask_for(app, "told", fields("a"))
        assert await so_far() == [""]


async def test_daemons_are_told_of_a_watch_once_however_often_it_is_prolonged(
    database: Database, admin: Connection
) -> None:
    async with listening(database, ANNOUNCEMENTS) as so_far, watched(database) as keeper:
        ends = await admin.fetchval("SELECT ends_at FROM schemad.watch")
        await keeper.execute("SELECT schemad.keep_watch()")
        assert await so_far() == [""]
        assert await admin.fetchval("SELECT ends_at > $1 FROM schemad.watch", ends)


@pytest.mark.parametrize(
    "gone", ["ends_at = clock_timestamp()", "started_at = clock_timestamp() + interval '1 h'"]
)
async def test_a_watch_that_nobody_prolonged_or_of_another_time_silences_nobody(
    database: Database, admin: Connection, app: Connection, gone: str
) -> None:
    async with listening(database, REQUESTS) as so_far, watched(database):
        await admin.execute(f"UPDATE schemad.watch SET {gone}")
        await submit(app, "told", fields("a"))
        assert await so_far() == [""]


@pytest.mark.parametrize("mode", ["EXCLUSIVE", "SHARE ROW EXCLUSIVE", "ROW SHARE"])
async def test_whoever_holds_a_lock_on_the_watch_keeps_nobody_waiting(
    database: Database, admin: Connection, app: Connection, mode: str
) -> None:
    async with watched(database) as keeper, database.connection("daemon_login") as other:
        for connection in (app, keeper, other):
            await connection.execute("SET lock_timeout = '1ms'")  # any wait would be an error
        async with admin.transaction():
            await admin.execute(f"LOCK TABLE schemad.watch IN {mode} MODE")
            await submit(app, "notes", fields("a"))
            await other.execute("SELECT schemad.keep_watch()")
            assert await keeper.fetchval("SELECT schemad.end_watch()") is False


async def test_a_daemon_does_not_end_another_one_s_watch(
    database: Database, daemon: Daemon, app: Connection
) -> None:
    async with watched(database), database.connection("daemon_login") as other:
        assert await other.fetchval("SELECT schemad.end_watch()") is False
        async with listening(database, REQUESTS) as so_far:
            assert (await ask(app, "notes", fields("a")))["status"] == "approved"
            assert await so_far() == []


@pytest.mark.parametrize("user", ["app_one", "dba_one", "stranger"])
async def test_only_daemons_reach_the_watch(database: Database, user: str) -> None:
    async with database.connection(user) as connection:
        for statement in (
            "SELECT schemad.keep_watch()",
            "SELECT schemad.end_watch()",
            "SELECT * FROM schemad.watch",
            "UPDATE schemad.watch SET ends_at = 'infinity'",
            *(
                f"BEGIN; LOCK TABLE schemad.watch IN {mode} MODE"
                for mode in ("ACCESS SHARE", "ROW SHARE", "EXCLUSIVE")
            ),
        ):
            assert (await refusal(connection.execute(statement))).sqlstate == "42501", statement
            await connection.execute("ROLLBACK")


async def quiet(app: Connection) -> None:
    """Returns once a daemon that has just started sleeps, but for what a request of now leads to."""
    for name in ("first", "second"):
        assert (await ask(app, name, fields("a")))["status"] == "approved"


async def ask_silently(database: Database, app: Connection) -> None:
    """Has two requests decided without a notification: the first may be found for another reason."""
    async with listening(database, REQUESTS) as so_far:
        for name in ("silent", "silent_too"):
            assert (await ask(app, name, fields("a")))["status"] == "approved"
        assert await so_far() == []


async def test_what_was_silent_for_a_daemon_that_died_is_done_by_another_one(
    database: Database, app: Connection, daemon: Daemon
) -> None:
    await quiet(app)
    async with watched(database):
        pass
    await ask_silently(database, app)


async def test_a_daemon_that_could_not_be_told_of_a_watch_looks_for_one_when_it_listens_again(
    database: Database, app: Connection
) -> None:
    direct = database.dsn("daemon_login")
    async with (
        running_proxy(direct) as proxy,
        running_daemon(direct, listen_dsn=proxy.dsn, probe_interval=0.1, probe_timeout=1.0) as daemon,
    ):
        await quiet(app)
        proxy.silence()
        async with watched(database):
            pass
        await proxy.next_link()
        proxy.heal()
        async with asyncio.timeout(PATIENCE):
            await daemon.listener.listening.wait()
        await ask_silently(database, app)


async def test_a_daemon_that_starts_after_one_died_on_watch_finds_what_was_silent(
    database: Database, admin: Connection, app: Connection
) -> None:
    async with watched(database):
        pass
    async with running_daemon(database.dsn("daemon_login")):
        assert (await ask(app, "silent", fields("a")))["status"] == "approved"
        # As if its three seconds were over.
        await admin.execute("UPDATE schemad.watch SET ends_at = clock_timestamp()")
        await until(admin, IS_OVER)
        async with listening(database, REQUESTS) as so_far:
            assert (await ask(app, "told", fields("a")))["status"] == "approved"
            assert await so_far() == [""]


async def test_a_silent_transaction_that_commits_late_keeps_nobody_waiting_and_is_done(
    database: Database, admin: Connection, app: Connection, daemon: Daemon
) -> None:
    async with database.connection("app_two") as slow:
        await slow.execute("BEGIN")
        async with watched(database) as keeper:
            late = await submit(slow, "late", fields("a"))
            await end_watch_not_over(keeper, admin)
        # The watch has ended, and is not over.
        async with listening(database, REQUESTS) as so_far:
            assert (await ask(app, "meanwhile", fields("a")))["status"] == "approved"
            assert await so_far() == [""]
        assert not await admin.fetchval(f"SELECT {IS_OVER}")
        await slow.execute("COMMIT")
        assert (await decided(slow, late))["status"] == "approved"
    await until(admin, IS_OVER)


async def test_what_is_committed_between_a_daemon_s_last_sweep_and_the_end_of_all_watches_is_done(
    database: Database, admin: Connection, app: Connection
) -> None:
    await put_halts(admin, "end_watch")
    await admin.execute(f"ALTER ROLE daemon_login IN DATABASE {database.name} SET stepping.actor = '0'")
    async with running_daemon(database.dsn("daemon_login")), database.connection() as driver:
        await quiet(app)
        await app.execute("BEGIN")
        async with watched(database) as keeper:
            late = await submit(app, "late", fields("a"))
            await end_watch_not_over(keeper, admin)
        await close_halts(driver)
        await until(admin, "EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)")
        # It has swept, and is about to see whether anybody is left.
        await app.execute("COMMIT")
        await driver.execute("SELECT pg_advisory_unlock_all()")
        assert (await decided(app, late))["status"] == "approved"


async def test_a_silent_transaction_that_was_prepared_is_done_once_it_is_committed(
    database: Database, admin: Connection, app: Connection, daemon: Daemon
) -> None:
    if await admin.fetchval("SHOW max_prepared_transactions") == "0":
        pytest.skip("this server prepares no transactions")
    async with watched(database) as keeper:
        await app.execute("BEGIN")
        request_id = await submit(app, "two_phase", fields("a"))
        await app.execute(f"PREPARE TRANSACTION '{database.name}'")
        await end_watch_not_over(keeper, admin)
    assert (await ask(app, "meanwhile", fields("a")))["status"] == "approved"
    await app.execute(f"COMMIT PREPARED '{database.name}'")
    assert (await decided(app, request_id))["status"] == "approved"
    await until(admin, IS_OVER)


async def test_a_daemon_with_a_backlog_silences_what_is_submitted_and_works_it_off(
    database: Database, admin: Connection, app: Connection
) -> None:
    await have_watches_last(admin)
    # The last one of them takes as long as the test wants.
    await admin.execute("SELECT pg_advisory_lock(42)")
    await on_creation(admin, "many_200", "PERFORM pg_advisory_xact_lock(42)")
    async with (
        running_daemon(database.dsn("daemon_login"), lock_timeout=60, statement_timeout=600),
        listening(database, REQUESTS) as so_far,
    ):
        await submit_many(app, 200)
        await until(admin, f"NOT {IS_OVER}")
        assert await so_far() == [""]
        for number in range(20):
            await submit(app, f"silent_{number}", fields("a"))
        assert await so_far() == []
        await admin.execute("SELECT pg_advisory_unlock(42)")
        await until(admin, f"({CLAIMABLE}) = 0 AND {IS_OVER}")
        assert (await ask(app, "told", fields("a")))["status"] == "approved"
        assert await so_far() == [""]


async def test_a_full_batch_that_nothing_comes_of_is_no_reason_for_a_watch(
    database: Database, admin: Connection, app: Connection
) -> None:
    taken = [await submit(app, f"taken_{number}", fields("a")) for number in range(2)]
    await admin.execute("BEGIN")
    await admin.execute("SELECT FROM schemad.schema_requests WHERE id = ANY ($1) FOR UPDATE", taken)
    async with running_daemon(database.dsn("daemon_login"), batch_size=2):
        assert (await ask(app, "notes", fields("a")))["status"] == "approved"
        assert await admin.fetchval("SELECT started_at = '-infinity' FROM schemad.watch")
        await admin.execute("COMMIT")
        for request_id in taken:
            assert (await decided(app, request_id))["status"] == "approved"


# ---- A daemon that falls asleep over and over, and sessions that submit whenever they can


@pytest.mark.parametrize("daemons", [1, 2])
async def test_no_request_is_left_behind_by_daemons_that_fall_asleep_over_and_over(
    database: Database, admin: Connection, daemons: int
) -> None:
    async with contextlib.AsyncExitStack() as stack:
        for _ in range(daemons):
            await stack.enter_async_context(running_daemon(database.dsn("daemon_login"), batch_size=2))
        sessions = [await stack.enter_async_context(database.connection("app_one")) for _ in range(4)]
        so_far = await stack.enter_async_context(listening(database, REQUESTS))
        chance = random.Random(daemons)  # noqa: S311 - a test repeats it
        asked = sum([await storm(sessions, admin, chance) for _ in range(25)])
        # Else nothing was at stake.
        assert len(await so_far()) < asked


async def storm(sessions: Sequence[Connection], admin: Connection, chance: random.Random) -> int:
    """All sessions submit some requests, one a transaction, and all get decided; returns how many there were.

    Were one left behind, nothing that comes later would wake a daemon for it.
    """
    numbers = [chance.randrange(6) for _ in sessions]
    await asyncio.gather(*map(_submit_held, sessions, numbers))
    await until(admin, f"({CLAIMABLE}) = 0")
    return sum(numbers)


async def _submit_held(session: Connection, number: int) -> None:
    """Requests that are held: a decision is as good as a table, and sooner made."""
    for _ in range(number):
        await submit(session, "held", fields("a") | {"checks": ["repeat(a, 2) <> ''"]})
