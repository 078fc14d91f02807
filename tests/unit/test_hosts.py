"""Which hosts a DSN names, and which of them gets the connection."""

import asyncio

import pytest
from asyncpg import TargetServerAttributeNotMatched

from schemad.store.hosts import Host, first_of, hosts_of


@pytest.mark.parametrize(
    ("dsn", "hosts"),
    [
        (None, []),
        ("postgresql://user@one/database", []),
        ("postgresql:///database?host=/run/postgresql", []),
        ("postgresql://user@one,two/database", [("one", None), ("two", None)]),
        ("postgresql://user:p%40ss@one:5433,two:5434/d", [("one", 5433), ("two", 5434)]),
        ("postgresql://[::1]:5433,[fe80::1]/d", [("::1", 5433), ("fe80::1", None)]),
        ("postgresql://user@/d?host=one,two&port=5433", [("one", 5433), ("two", 5433)]),
        ("postgresql://user@/d?host=one,two&port=5433,5434", [("one", 5433), ("two", 5434)]),
        ("postgresql:///d?host=/run/a,/run/b", [("/run/a", None), ("/run/b", None)]),
    ],
)
def test_the_hosts_of_a_dsn(monkeypatch: pytest.MonkeyPatch, dsn: str | None, hosts: list[Host]) -> None:
    for name in ("PGHOST", "PGPORT"):
        monkeypatch.delenv(name, raising=False)
    assert hosts_of(dsn) == hosts


def test_the_hosts_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGHOST", "one,two")
    monkeypatch.setenv("PGPORT", "5433")
    assert hosts_of(None) == [("one", 5433), ("two", 5433)]
    assert hosts_of("postgresql://user@three/database") == []


@pytest.mark.parametrize("dsn", ["postgresql://one:x,two/d", "postgresql:///d?host=a,b&port=1,2,3"])
def test_ports_that_are_none_are_no_hosts(dsn: str) -> None:
    with pytest.raises(ValueError, match=r"invalid literal|argument"):
        hosts_of(dsn)


class Opened:
    """A connection to a host."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.is_terminated = False

    def terminate(self) -> None:
        self.is_terminated = True


async def test_a_host_that_swallows_everything_keeps_the_next_one_waiting_for_a_moment_only() -> None:
    async def open_one(host: Host) -> Opened:
        if host[0] == "black hole":
            await asyncio.Event().wait()
        return Opened(host)

    async with asyncio.timeout(20):
        opened = await first_of([("black hole", None), ("two", None)], open_one)
    assert opened.host == ("two", None)


async def test_a_host_that_refuses_is_passed_over_at_once_and_the_last_error_is_told() -> None:
    async def open_one(host: Host) -> Opened:
        raise ConnectionRefusedError(host[0])

    with pytest.raises(ConnectionRefusedError, match="two"):
        await first_of([("one", None), ("two", None)], open_one)


@pytest.mark.parametrize("hosts", [["standby", "away"], ["away", "standby"]])
async def test_that_one_is_there_which_will_not_do_is_told_before_that_another_one_is_away(
    hosts: list[str],
) -> None:
    async def open_one(host: Host) -> Opened:
        raise TargetServerAttributeNotMatched("it takes no writes") if host[0] == "standby" else ConnectionError

    with pytest.raises(TargetServerAttributeNotMatched):
        await first_of([(host, None) for host in hosts], open_one)


async def test_of_two_that_answer_one_is_taken_and_the_other_one_ended() -> None:
    all_opened: list[Opened] = []
    both = asyncio.Event()

    async def open_one(host: Host) -> Opened:
        if host[0] == "two":
            both.set()
        await both.wait()
        all_opened.append(Opened(host))
        return all_opened[-1]

    chosen = await first_of([("one", None), ("two", None)], open_one)
    await asyncio.sleep(0)
    assert [opened.is_terminated for opened in all_opened if opened is not chosen] in ([True], [])
    assert not chosen.is_terminated
