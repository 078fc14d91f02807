"""What the page on Docker has a reader type, typed, with the names, the port and the places of the test in it."""

import re
import shlex
from collections.abc import Mapping

from tests.docker.engine import PATIENCE, CommandFailed, Engine, run
from tests.docs.pages import shown_by

# The steps that the page shows.
STEPS = ("build", "image", "start", "first-table", "command-line", "run")


class Page:
    """The page; it keeps an account of what was typed.

    Args:
        engine: Where it is typed.
        project: The name of the services together.
        variables: Of the shell.
    """

    def __init__(self, engine: Engine, project: str, variables: Mapping[str, str]) -> None:
        self._engine = engine
        self._variables = {"COMPOSE_PROJECT_NAME": project, **variables}
        self._left_out = {block.step for block in shown_by("docker")}

    def type(self, step: str, replaced: Mapping[str, str], timeout: float = PATIENCE) -> str:
        """Types what is shown for a step; what it prints.

        Args:
            step: The step.
            replaced: What is the reader's in it, each with what is here in its place.
            timeout: In seconds.

        Raises:
            CommandFailed: It ended with an error, took too long, or the page does not name what is to be replaced.
        """
        self._left_out.discard(step)
        (block,) = [block for block in shown_by("docker") if block.step == step]
        text = block.text
        for shown, here in replaced.items():
            if shown not in text:
                raise CommandFailed(f"{block.place} does not name {shown!r}")
            text = text.replace(shown, here)
        text = re.sub(r"^docker compose ", f"{shlex.join(self._engine.compose)} ", text, flags=re.MULTILINE)
        text = re.sub(r"^docker ", f"{shlex.quote(self._engine.client)} ", text, flags=re.MULTILINE)
        # BuildKit is on, which clients before 23 have to be told.
        variables = {"DOCKER_BUILDKIT": "1"} | self._variables
        return run("bash", "-euo", "pipefail", "-c", text, variables=variables, timeout=timeout)

    def require_all(self) -> str:
        """Whether everything was typed."""
        assert not self._left_out, self._left_out
        return ", ".join(STEPS)
