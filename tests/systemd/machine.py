"""A booted root: a container with a systemd of its own, and what is asked of it from outside."""

import contextlib
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from tests.docs.pages import Block, shown_by
from tests.systemd.root import SOURCES

BOOT_PATIENCE = 120.0
# For whatever a step waits for, unless the step knows better.
PATIENCE = 60.0
# Between two looks at what the machine says of itself, which it tells nobody by itself.
PAUSE = 0.05
# What a command has around it besides its terminal.
ENVIRONMENT = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8")
# Where systemd tells who asks for a password, and what answers for somebody at a keyboard.
ASKED = "/run/systemd/ask-password"
ANSWER = "/lib/systemd/systemd-reply-password"


class StepFailed(AssertionError):
    """The machine did not do what it was expected to."""


class Machine:
    """A container that runs; commands enter it.

    Args:
        leader: The process that is its PID 1, as this machine numbers it.
    """

    def __init__(self, leader: int) -> None:
        enter = ("nsenter", "-t", str(leader), "-m", "-p", "-u", "-i", "-n", "--")
        self._enter = (*enter, "env", "-i", *ENVIRONMENT)
        self._left_out = {block.place: block for block in shown_by("systemd")}

    def run(self, *command: str, standard_input: str = "", may_fail: bool = False) -> str:
        """Runs a command in it; what it prints.

        Raises:
            StepFailed: It ended with an error, and may not.
        """
        done = subprocess.run(
            [*self._enter, *command],
            input=standard_input,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE * 2,
        )
        if done.returncode and not may_fail:
            raise StepFailed(f"{' '.join(command)} ended with {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    def shown(self, step: str, language: str) -> list[Block]:
        """What the page on systemd shows for a step, in this language; it counts as taken."""
        found = [block for block in shown_by("systemd") if (block.step, block.language) == (step, language)]
        for block in found:
            self._left_out.pop(block.place, None)
        return found

    def type(self, step: str, password: str | None = None) -> str:
        """Types what the page has typed for a step, where schemad was unpacked; what it prints.

        Args:
            step: The step.
            password: For whatever asks for one.

        Raises:
            StepFailed: It ended with an error, or the page has nothing for this step.
        """
        printed = ""
        blocks = self.shown(step, "sh")
        if not blocks:
            raise StepFailed(f"the page has nothing to type for {step}")
        for block in blocks:
            command = ("env", "-C", SOURCES, "bash", "-euo", "pipefail", "-c", block.text)
            with subprocess.Popen(
                [*self._enter, *command],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
            ) as typed:
                if "systemd-ask-password" in block.text and password is not None:
                    self._answer(password)
                said, _ = typed.communicate(timeout=PATIENCE * 2)
            if typed.returncode:
                raise StepFailed(f"{block.place} ended with {typed.returncode}:\n{said}")
            printed += said
        return printed

    def _answer(self, password: str) -> None:
        """Answers whoever asks for a password next, as an agent of systemd's does for somebody at a keyboard."""
        asked = ("sh", "-c", f"cat {ASKED}/ask.*")
        self.until("it asks for a password", lambda: "Socket=" in self.run(*asked, may_fail=True))
        (socket,) = re.findall(r"^Socket=(.+)$", self.run(*asked), re.MULTILINE)
        self.run(ANSWER, "1", socket, standard_input=password)

    def edit(self, unit: str, step: str) -> None:
        """Has a unit take what the page shows for a step, as `systemctl edit` does."""
        (block,) = self.shown(step, "ini")
        self.write(f"/etc/systemd/system/{unit}.d/{step}.conf", block.text, mode="644")
        self.run("systemctl", "daemon-reload")

    def undo_edit(self, unit: str, step: str) -> None:
        """Takes it back."""
        self.run("rm", f"/etc/systemd/system/{unit}.d/{step}.conf")
        self.run("systemctl", "daemon-reload")

    def require_all_of_the_page(self) -> None:
        """Whether everything that the page shows was typed, written or looked at.

        Raises:
            StepFailed: Something was not.
        """
        if self._left_out:
            raise StepFailed(f"nothing was done with {', '.join(self._left_out)}")

    def write(self, path: str, text: str, mode: str = "600") -> None:
        """Writes a file of root's in it."""
        self.run("install", "-D", "-m", mode, "/dev/stdin", path, standard_input=text)

    def psql(self, database: str, sql: str, login: str = "postgres") -> str:
        """Runs SQL in it, as the superuser or as another login; the rows that it returns."""
        command = ("psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database)
        prefix = f"SET ROLE {login};\n" if login != "postgres" else ""
        return self.run("runuser", "-u", "postgres", "--", *command, standard_input=prefix + sql).strip()

    def property(self, unit: str, name: str) -> str:
        """A property of a unit's."""
        return self.run("systemctl", "show", "--value", f"--property={name}", unit).strip()

    def journal(self, unit: str) -> str:
        """What a unit has logged, and what systemd has logged of it."""
        return self.run("journalctl", "--unit", unit, "--output=cat", "--no-pager")

    def until(self, what: str, holds: Callable[[], bool], patience: float = PATIENCE) -> float:
        """Waits until something holds; the seconds that it took.

        Raises:
            StepFailed: It does not hold in time.
        """
        start = time.monotonic()
        while not holds():
            if time.monotonic() - start > patience:
                raise StepFailed(f"{what}: not within {patience:g} s")
            time.sleep(PAUSE)
        return time.monotonic() - start


@contextlib.contextmanager
def booted(root: Path) -> Iterator[Machine]:
    """A machine that runs on a root, with a network of its own that leads nowhere; it ends afterwards.

    Raises:
        StepFailed: It does not boot.
    """
    nspawn = (
        "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network", "--boot",
        "--console=pipe", f"--machine=schemad-test-{os.getpid()}", "-D", str(root),
    )  # fmt: skip
    log = root.parent / "console.log"
    with log.open("wb") as console:
        container = subprocess.Popen(nspawn, stdin=subprocess.DEVNULL, stdout=console, stderr=console)
        try:
            machine = Machine(_leader(container, log))
            _wait_for_boot(machine, log)
            yield machine
        finally:
            # Its PID 1 takes everything in it along.
            container.terminate()
            try:
                container.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                container.kill()
                container.wait()


def _leader(container: subprocess.Popen[bytes], log: Path) -> int:
    """The container's PID 1: the child of a container that has begun to run."""
    end = time.monotonic() + BOOT_PATIENCE
    children = Path(f"/proc/{container.pid}/task/{container.pid}/children")
    while time.monotonic() < end and container.poll() is None:
        with contextlib.suppress(OSError):  # it has just ended
            for child in children.read_text(encoding="ascii").split():
                if Path(f"/proc/{child}/comm").read_text(encoding="utf-8").strip() == "systemd":
                    return int(child)
        time.sleep(PAUSE)
    raise StepFailed(f"the container does not start:\n{_end_of(log)}")


def _wait_for_boot(machine: Machine, log: Path) -> None:
    """Waits until its systemd has started what it starts by itself."""
    end = time.monotonic() + BOOT_PATIENCE
    said = ""
    while time.monotonic() < end:
        said = machine.run("systemctl", "is-system-running", may_fail=True).strip()
        if said in {"running", "degraded"}:
            return
        time.sleep(PAUSE)
    raise StepFailed(f"it does not boot: {said}\n{_end_of(log)}")


def _end_of(log: Path) -> str:
    return log.read_text(encoding="utf-8", errors="replace")[-2000:]


def remove(directory: Path) -> None:
    """Removes a root, which has files that nobody may write."""
    shutil.rmtree(directory, ignore_errors=False)
