"""Builds the image as `docker build .` does, with this machine's way to a package index."""

import ast
import os
import re
import ssl
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.docker.page import Page

# Of pip's settings, what says where packages come from.
INDEX_SETTINGS = ("index-url", "extra-index-url", "trusted-host")
# Where they are in the image, and on many a machine.
AUTHORITIES = "/etc/ssl/certs/ca-certificates.crt"
BUILT_WITHIN = 900.0


def build(page: Page, tag: str) -> None:
    """Builds the image under a tag, as the page has it built behind a private package index, then as elsewhere.

    pip's index and authorities are handed over as secrets of the build, which leave nothing in a layer. The build
    is on the machine's own network: an index or proxy may be on its loopback interface.
    """
    settings = pip_settings()
    own_network = {"docker build ": "docker build --network=host ", "--tag schemad .": f"--tag {tag} ."}
    with tempfile.TemporaryDirectory(prefix="schemad-build-") as directory:
        file = Path(directory) / "pip.conf"
        known = ssl.get_default_verify_paths().cafile
        authorities = settings.get("cert") or os.environ.get("SSL_CERT_FILE") or known or AUTHORITIES
        lines = [f"{name} = {settings[name]}" for name in INDEX_SETTINGS if name in settings]
        file.write_text("\n".join(["[global]", *lines, f"cert = {AUTHORITIES}", ""]), encoding="utf-8")
        places = {"$HOME/.config/pip/pip.conf": str(file), f"src={AUTHORITIES}": f"src={authorities}"}
        page.type("build", own_network | places, timeout=BUILT_WITHIN)
    # What was installed is in the cache by then, so that no index is asked.
    said = page.type("image", own_network | {"--rm schemad ": f"--rm {tag} "}, timeout=BUILT_WITHIN)
    assert "schemad " in said, said


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
