"""The Docker engine, by its command line: the client, Compose, and what happens to a container."""

import contextlib
import json
import os
import queue
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

PATIENCE = 300.0
NEEDS = """\
make test-docker needs a Docker engine, the client `docker` with BuildKit, and Compose 1.29 or newer:
install Docker Engine with its plugins buildx and compose, or Debian's docker.io and docker-compose.
DOCKER_HOST names an engine elsewhere, and DOCKER a client other than the first `docker` on PATH."""


class NoEngine(Exception):
    """What the tests need is not there; the message says what."""


class CommandFailed(Exception):
    """A command exited with something else than 0; the message has what it printed."""


def run(
    *command: object,
    variables: Mapping[str, str] | None = None,
    stdin: str | None = None,
    timeout: float = PATIENCE,
) -> str:
    """Runs a command; what it printed on standard output.

    Raises:
        CommandFailed: It did not exit with 0, or took longer than `timeout` seconds.
    """
    words = [str(word) for word in command]
    environment = os.environ | dict(variables or {})
    try:
        done = subprocess.run(
            words, check=False, capture_output=True, text=True, env=environment, input=stdin, timeout=timeout
        )
    except subprocess.TimeoutExpired as error:
        raise CommandFailed(f"{' '.join(words)} took over {timeout:g} s") from error
    if done.returncode != 0:
        raise CommandFailed(f"{' '.join(words)} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


@dataclass(frozen=True, slots=True)
class Engine:
    """A client and the engine that it reaches.

    Attributes:
        client: The program `docker`.
        compose: The words that start Compose.
    """

    client: str
    compose: tuple[str, ...]

    @classmethod
    def found(cls) -> "Engine":
        """The engine to test on.

        Raises:
            NoEngine: There is none, or a program is missing.
        """
        client = os.environ.get("DOCKER", "docker")
        if shutil.which(client) is None:
            raise NoEngine(f"there is no {client}")
        try:
            run(client, "version", timeout=30)
        except CommandFailed as error:
            raise NoEngine(str(error)) from error
        _require_buildkit(client)
        return cls(client, _compose(client))

    def docker(self, *words: object, **options: Any) -> str:
        """Runs the client; what it printed. BuildKit is on, which clients before 23 have to be told."""
        return run(self.client, *words, variables={"DOCKER_BUILDKIT": "1"}, **options)

    def inspect(self, name: str) -> Any:
        """What the engine knows of a container or an image."""
        return json.loads(self.docker("inspect", name))[0]

    def logs(self, container: str) -> str:
        """What a container has printed on both streams."""
        done = subprocess.run(
            [self.client, "logs", container],
            check=True,
            text=True,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        return done.stdout

    def require_image(self, image: str) -> None:
        """Pulls an image unless it is there.

        Raises:
            NoEngine: It can't be had.
        """
        if self.docker("image", "ls", "--quiet", image).strip():
            return
        try:
            self.docker("pull", image)
        except CommandFailed as error:
            raise NoEngine(
                f"{image} is not there and can't be pulled. Where no registry can be reached: "
                f"python -m tests.docker.stand_ins --help\n{error}"
            ) from error

    @contextlib.contextmanager
    def events(self, container: str, *kinds: str, since: str | None = None) -> Iterator["Events"]:
        """What happens to a container from now on, or since a moment that the engine named."""
        filters = [f"--filter=event={kind}" for kind in kinds]
        command = [self.client, "events", f"--filter=container={container}", *filters]
        command += ["--since", since or f"{time.time():.3f}"]
        process = subprocess.Popen([*command, "--format", "{{.Action}}"], stdout=subprocess.PIPE, text=True)
        try:
            yield Events(process)
        finally:
            process.kill()
            process.wait()


def _require_buildkit(client: str) -> None:
    """Clients since 23 build with a plugin, those before have BuildKit in them."""
    try:
        run(client, "buildx", "version", timeout=30)
    except CommandFailed as error:
        version = run(client, "version", "--format={{.Client.Version}}", timeout=30).strip()
        if int(version.partition(".")[0]) >= 23:
            raise NoEngine(f"{client} {version} builds with its plugin buildx, which is not there") from error


def _compose(client: str) -> tuple[str, ...]:
    for words in ((client, "compose"), ("docker-compose",)):
        with contextlib.suppress(CommandFailed, FileNotFoundError):
            run(*words, "version", timeout=30)
            return words
    raise NoEngine("there is no Compose")


class Events:
    """What the engine tells of one container, as it happens."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._lines: queue.Queue[str] = queue.Queue()
        self._process = process
        threading.Thread(target=self._read, daemon=True).start()

    def until(self, event: str, within: float) -> float:
        """Waits for an event; the seconds that it took.

        Raises:
            AssertionError: It did not come within so many seconds.
        """
        began = time.monotonic()
        seen: list[str] = []
        while True:
            left = began + within - time.monotonic()
            try:
                seen.append(self._lines.get(timeout=max(left, 0)))
            except queue.Empty:
                raise AssertionError(f"no {event!r} within {within:g} s, but {seen}") from None
            if seen[-1] == event:
                return time.monotonic() - began

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.strip())


@dataclass(frozen=True, slots=True)
class Stack:
    """A project of Compose: the services of compose.yaml, under a name and on a port of their own."""

    engine: Engine
    project: str
    variables: Mapping[str, str] = field(default_factory=dict)

    def compose(self, *words: object, timeout: float = PATIENCE) -> str:
        """Runs Compose on it; what it printed."""
        return run(*self.engine.compose, "-p", self.project, *words, variables=self.variables, timeout=timeout)

    def container(self, service: str) -> str:
        """The id of a service's container, running or not."""
        found = self.compose("ps", "--all", "-q", service).split()
        assert len(found) == 1, f"{service} has {len(found)} containers"
        return found[0]


def measured(work: Callable[[], object]) -> float:
    """The seconds that it takes."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


def daemon_lines(text: str) -> Sequence[dict[str, Any]]:
    """The daemon's log lines among what a container printed."""
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]
