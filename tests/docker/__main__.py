"""Builds the image, runs it and the services of compose.yaml, and checks what is promised of them.

`make test-docker` runs it. Exits with 0 if all is as promised, 1 if something is not, 2 if there is no engine.
"""

import os
import socket
import sys
import tempfile
import traceback
from pathlib import Path

from tests.docker.build import build
from tests.docker.engine import NEEDS, CommandFailed, Engine, NoEngine, Stack, measured
from tests.docker.image_checks import Checks, Image
from tests.docker.images import ROOT, postgres_image, python_image
from tests.docker.page import Page
from tests.docker.stack_checks import Database, Services


def main() -> int:
    """Runs everything; the exit code."""
    os.chdir(ROOT)
    try:
        engine = Engine.found()
        for image in (python_image(), postgres_image()):
            engine.require_image(image)
    except NoEngine as error:
        print(f"{NEEDS}\n\n{error}", file=sys.stderr)
        return 2
    tag = f"schemad:test-{os.getpid()}"
    project = f"schemad-test-{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix="schemad-secrets-") as directory:
        database = Database(_free_port(), Path(directory) / "postgres_password")
        variables = {
            "SCHEMAD_IMAGE": tag,
            "SCHEMAD_SECRETS": directory,
            "SCHEMAD_POSTGRES_PORT": str(database.port),
        }
        page = Page(engine, project, variables)
        try:
            try:
                print(f"ok    the image is built: in {measured(lambda: build(page, tag)):.0f} s", flush=True)
            except CommandFailed as error:
                print(f"FAIL  the image is built: {error}", flush=True)
                return 1
            failed = _failed(Image(engine, tag).checks())
            failed += _failed_in_stack(Stack(engine, project, variables), page, database)
        finally:
            engine.docker("image", "rm", "--force", tag)
    print(f"{failed} failed" if failed else "all as promised")
    return 1 if failed else 0


def _failed_in_stack(stack: Stack, page: Page, database: Database) -> int:
    try:
        failed = _failed(Services(stack, page, database).checks())
        if failed:
            print(stack.compose("logs", "--no-color"))
    finally:
        stack.compose("down", "--volumes", "--timeout", "20")
    return failed


def _failed(each: Checks) -> int:
    """Runs checks in their order, as one may need what another did; how many failed."""
    failed = 0
    for promise, check in each:
        try:
            found = check()
        except (AssertionError, CommandFailed, OSError, TimeoutError) as error:
            failed += 1
            print(f"FAIL  {promise}: {str(error) or 'see below'}", flush=True)
            traceback.print_exc()
        else:
            print(f"ok    {promise}: {found}", flush=True)
    return failed


def _free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        port: int = listening.getsockname()[1]
        return port


if __name__ == "__main__":
    sys.exit(main())
