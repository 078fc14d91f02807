"""Hosts of a DSN: which ones it names, and a connection to the first that will do.

The driver tries one host after the other within one timeout: a first one that swallows packets, as a machine does
that was switched off, uses all of it up, and after a failover that is the old primary. So they are tried here,
each soon after the one before.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar
from urllib.parse import parse_qs, unquote, urlsplit

from asyncpg import TargetServerAttributeNotMatched

# Seconds that a host has to itself before the next one is tried as well.
STAGGER = 0.5

Host = tuple[str, int | None]
Opened = TypeVar("Opened")


def hosts_of(dsn: str | None) -> list[Host]:
    """The hosts that a DSN, or else PGHOST, names, with their ports; empty where it is none or one.

    Raises:
        ValueError: A port is no number, or there are more ports than hosts.
    """
    parts = urlsplit(dsn or "")
    query = parse_qs(parts.query)
    netloc = parts.netloc.rpartition("@")[2]
    if netloc:
        names, ports = zip(*(_split(each) for each in netloc.split(",")), strict=True)
    else:
        names = tuple((query.get("host", [""])[-1] or os.environ.get("PGHOST", "")).split(","))
        said = (query.get("port", [""])[-1] or os.environ.get("PGPORT", "")).split(",")
        # One port is for all of them.
        ports = tuple(said * len(names) if len(said) == 1 else said)
    if len(names) < 2:
        return []
    return [(name, int(port) if port else None) for name, port in zip(names, ports, strict=True)]


def _split(host: str) -> tuple[str, str]:
    """Name and port; an IPv6 address has colons of its own, and stands in brackets."""
    name, colon, port = host.rpartition(":")
    if not colon or port.endswith("]"):
        name, port = host, ""
    return unquote(name.removeprefix("[").removesuffix("]")), port


async def first_of(hosts: Sequence[Host], open_one: Callable[[Host], Awaitable[Opened]]) -> Opened:
    """The first connection that comes about; each host is tried soon after the one before, or once that failed.

    Args:
        hosts: At least one.
        open_one: Connects to one, within a time of its own.

    Raises:
        Exception: What `open_one` raised last, where it did so for each; that one is there which will not do goes
            before that another one is away.
    """
    waiting = list(hosts)
    opening: set[asyncio.Task[Opened]] = set()
    errors: list[BaseException] = []
    try:
        while waiting or opening:
            if waiting:
                opening.add(asyncio.ensure_future(open_one(waiting.pop(0))))
            done, opening = await asyncio.wait(
                opening, timeout=STAGGER if waiting else None, return_when=asyncio.FIRST_COMPLETED
            )
            opened = [task for task in done if not task.exception()]
            if opened:
                opening.update(opened[1:])
                return opened[0].result()
            errors += [error for task in done if (error := task.exception())]
    finally:
        await _give_up(opening)
    if isinstance(errors[-1], OSError):
        raise next((e for e in errors if isinstance(e, TargetServerAttributeNotMatched)), errors[-1])
    raise errors[-1]


async def _give_up(opening: set["asyncio.Task[Opened]"]) -> None:
    """Ends attempts that are no longer wanted, with the connections that came about meanwhile."""
    for task in opening:
        task.cancel()
    for opened in await asyncio.gather(*opening, return_exceptions=True):
        if not isinstance(opened, BaseException):
            opened.terminate()  # type: ignore[attr-defined]  # what is opened here can be


async def writable_if_any(open_one: Callable[[bool], Awaitable[Opened]]) -> Opened:
    """A connection to a host that takes writes; where none does, to any: what only reads works there too.

    Args:
        open_one: Connects, and says no to a host that takes no writes where it is given True.
    """
    try:
        return await open_one(True)
    except TargetServerAttributeNotMatched:
        return await open_one(False)
