"""Builds the image as `docker build .` does, with this machine's way to a package index."""

import ast
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.docker.engine import Engine
from tests.docker.images import ROOT

# Of pip's settings, what says where packages come from.
INDEX_SETTINGS = ("index-url", "extra-index-url", "trusted-host")
IN_IMAGE = "/etc/ssl/certs/ca-certificates.crt"


def build(engine: Engine, tag: str) -> None:
    """Builds the image under a tag.

    pip's index and authorities are handed over as secrets of the build, which leave nothing in a layer. The build
    is on the machine's own network: an index or proxy may be on its loopback interface.
    """
    settings = pip_settings()
    with tempfile.TemporaryDirectory(prefix="schemad-build-") as directory:
        file = Path(directory) / "pip.conf"
        authorities = settings.get("cert") or os.environ.get("SSL_CERT_FILE")
        lines = [f"{name} = {settings[name]}" for name in INDEX_SETTINGS if name in settings]
        secrets = [f"--secret=id=pip.conf,src={file}"]
        if authorities and Path(authorities).is_file():
            lines.append(f"cert = {IN_IMAGE}")
            secrets.append(f"--secret=id=ca-certificates,src={authorities}")
        file.write_text("\n".join(["[global]", *lines, ""]), encoding="utf-8")
        revision = subprocess.run(
            ["git", "-C", str(ROOT), "rev-parse", "HEAD"], capture_output=True, text=True, check=False
        ).stdout.strip()
        engine.docker(
            "build",
            "--network=host",
            *secrets,
            f"--build-arg=REVISION={revision or 'unknown'}",
            "-t",
            tag,
            ROOT,
            timeout=900,
        )


def pip_settings() -> dict[str, str]:
    """What this machine's pip is told; values of several words without those that name files of this machine."""
    listed = subprocess.run(
        [sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True, check=True
    ).stdout
    found: dict[str, str] = {}
    # Variables are listed as :env:, and go before the files.
    for line in sorted(listed.splitlines(), key=lambda line: line.startswith(":env:")):
        if match := re.fullmatch(r"(?:global|:env:)\.([a-z-]+)=('.*'|\".*\")", line):
            words = ast.literal_eval(match[2]).split()
            if kept := " ".join(word for word in words if not word.startswith("file:")):
                found[match[1]] = kept
    return found
