"""CPU of a process, from /proc, which Linux has: other work on the machine changes it little."""

from pathlib import Path


def cpu(pid: int) -> float:
    """Milliseconds of CPU that the first thread of a process has used."""
    return int(Path(f"/proc/{pid}/schedstat").read_text(encoding="ascii").split()[0]) / 1e6
