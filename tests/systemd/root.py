"""The file system that is booted: Debian with systemd and PostgreSQL, and the sources of schemad."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]
# Its systemd and its PostgreSQL are the oldest that schemad is for.
SUITE = "bookworm"
PYTHON = "3.11"
PACKAGES = ("systemd", "systemd-sysv", "dbus", "libnss-systemd", "procps", "python3-venv", "postgresql-15")
TOOLS = {
    "mmdebstrap": "mmdebstrap",
    "systemd-nspawn": "systemd-container",
    "nsenter": "util-linux",
    "tar": "tar",
}
# Where somebody has unpacked schemad, to install it from there.
SOURCES = "/usr/src/schemad"
_WHEELS = "/var/tmp/wheels"


def what_is_missing() -> list[str]:
    """What this machine lacks to boot a root of its own, each in a sentence."""
    missing = [
        f"{tool} is not here: apt-get install {package}"
        for tool, package in TOOLS.items()
        if shutil.which(tool) is None
    ]
    if sys.platform != "linux":
        return ["it needs Linux"]
    if os.geteuid() != 0:
        missing.append("it needs root, to unpack and boot a system")
    return missing


def base_root(archive: Path) -> None:
    """Makes the archive of a Debian with what is needed, from the packages of a mirror of Debian's.

    Raises:
        CalledProcessError: The mirror can't be reached, among others.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    new = archive.with_suffix(".new.tar")
    options = ("--quiet", "--variant=minbase", f"--include={','.join(PACKAGES)}")
    try:
        subprocess.run(["mmdebstrap", *options, SUITE, new], check=True)
        new.rename(archive)
    finally:
        new.unlink(missing_ok=True)


def unpack(archive: Path, root: Path) -> None:
    """Unpacks the archive of a root."""
    root.mkdir(mode=0o755)
    subprocess.run(["tar", "--extract", "--file", archive, "--directory", root, "--numeric-owner"], check=True)


def bring_schemad(root: Path) -> None:
    """Brings the sources of this checkout, and all that its pip needs to install them: the machine has no network.

    Raises:
        CalledProcessError: A package index can't be reached, among others.
    """
    wheels = root / _WHEELS.lstrip("/")
    wheels.mkdir(parents=True)
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--no-input")
    with tempfile.TemporaryDirectory(prefix="schemad-build-") as directory:
        built, pins = Path(directory) / "dist", Path(directory) / "pins.txt"
        build = (sys.executable, "-m", "build", "--sdist", "--wheel", "--no-isolation", "--outdir", built)
        subprocess.run([*build, CHECKOUT], check=True, stdout=subprocess.DEVNULL)
        (wheel,) = built.glob("*.whl")
        pins.write_text(_pins((CHECKOUT / "requirements.lock").read_text(encoding="utf-8")), encoding="utf-8")
        fitting = ("--only-binary=:all:", f"--python-version={PYTHON}", "--implementation=cp")
        download = (*pip, "download", *fitting, "--dest", wheels)
        subprocess.run([*download, "--constraint", pins, wheel], check=True)
        subprocess.run([*download, "--requirement", CHECKOUT / "requirements-build.lock"], check=True)
        (wheels / wheel.name).unlink()  # it is to be built there, of its sources
        (sources,) = built.glob("*.tar.gz")
        place = root / SOURCES.lstrip("/")
        place.mkdir(parents=True)
        subprocess.run(
            ["tar", "--extract", "--file", sources, "--directory", place, "--strip-components=1"], check=True
        )
    conf = root / "etc/pip.conf"
    conf.write_text(f"[global]\nno-index = true\nfind-links = {_WHEELS}\n", encoding="utf-8")


def _pins(lock: str) -> str:
    """A lock file's versions as constraints; with their hashes they would forbid a wheel that was just built."""
    return "".join(f"{pin}\n" for pin in re.findall(r"^([\w.-]+==[^\s\\]+(?: ;[^\\\n]+)?)", lock, re.MULTILINE))
