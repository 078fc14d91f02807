"""What the figures were measured on: without it they are worth nothing."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from schemad import __version__
from schemad.bench.databases import session
from schemad.bench.sql import query


async def machine(dsn: str, *, embedded: bool) -> dict[str, Any]:
    """The machine, the versions, the server's settings that count, and the date.

    Args:
        dsn: Any database of the server.
        embedded: Whether the server is the bench's own; one elsewhere may be on another machine than this.
    """
    async with session(dsn) as connection:
        settings = {row["name"]: row["setting"] for row in await connection.fetch(query("server_settings"))}
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "schemad": __version__,
        "server": {"embedded": embedded, **settings},
        "python": platform.python_version(),
        "libraries": {name: version(name) for name in ("asyncpg", "uvloop")},
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
    }


def _processor() -> str:
    """The processor's name where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor()
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
