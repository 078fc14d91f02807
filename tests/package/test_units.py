"""The systemd units: sound, as closed as they are said to be, and the same for one database as for many."""

import re
import shutil
import stat
import subprocess
from pathlib import Path

import pytest

from tests.docs.pages import Block, shown_by

UNITS = Path(__file__).parents[2] / "systemd"
SERVICE, TEMPLATE = UNITS / "schemad.service", UNITS / "schemad@.service"
# Tenths: the exposure that systemd-analyze may find, of 10.
THRESHOLD = 15
PATIENCE = 60.0
NOTIFY_RELOAD_SINCE = 253
DROP_INS = [block for block in (*shown_by("units"), *shown_by("systemd")) if block.language == "ini"]

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")


def analyzed(*arguments: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["systemd-analyze", *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        env={"LC_ALL": "C.UTF-8", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "SYSTEMD_LOG_LEVEL": "warning"},
    )


def installed(unit: Path, directory: Path, text: str | None = None) -> Path:
    """A copy of a unit whose program is there: where it is installed is a matter of the machine's."""
    program = directory / "bin" / "schemad"
    program.parent.mkdir(exist_ok=True)
    program.touch(stat.S_IRWXU)
    copy = directory / unit.name.replace("@.", "@app.")
    copy.write_text((text or unit.read_text(encoding="utf-8")).replace("/opt/schemad", str(directory)))
    return copy


@needs_systemd
@pytest.mark.parametrize("unit", [SERVICE, TEMPLATE], ids=lambda unit: unit.name)
def test_a_unit_has_nothing_that_systemd_does_not_understand(unit: Path, tmp_path: Path) -> None:
    verified = analyzed("verify", "--recursive-errors=yes", installed(unit, tmp_path))
    assert (verified.returncode, verified.stdout + verified.stderr) == (0, "")


@needs_systemd
@pytest.mark.parametrize("unit", [SERVICE, TEMPLATE], ids=lambda unit: unit.name)
def test_a_unit_exposes_no_more_than_it_has_to(unit: Path, tmp_path: Path) -> None:
    checked = analyzed("security", "--offline=yes", f"--threshold={THRESHOLD}", installed(unit, tmp_path))
    assert checked.returncode == 0, checked.stdout + checked.stderr
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", checked.stdout)
    assert found is not None, checked.stdout
    assert float(found[1]) <= THRESHOLD / 10


@needs_systemd
def test_both_checks_can_fail(tmp_path: Path) -> None:
    text = SERVICE.read_text(encoding="utf-8")
    mistyped = installed(SERVICE, tmp_path, text.replace("ProtectHome=", "ProtectHomes="))
    assert "ProtectHomes" in analyzed("verify", "--recursive-errors=yes", mistyped).stderr
    assert analyzed("verify", "--recursive-errors=yes", mistyped).returncode != 0
    open_ = installed(SERVICE, tmp_path, re.sub(r"^(Protect|Private|Restrict|System).*\n", "", text, flags=re.M))
    assert analyzed("security", "--offline=yes", f"--threshold={THRESHOLD}", open_).returncode != 0


def test_an_instance_differs_in_nothing_but_where_its_settings_are() -> None:
    def directives(unit: Path, instance: str) -> list[str]:
        lines = unit.read_text(encoding="utf-8").splitlines()
        return [line.replace(instance, "") for line in lines if line and not line.startswith("#")]

    one, many = directives(SERVICE, "schemad.env"), directives(TEMPLATE, "%i.env")
    assert len(one) == len(many)
    different = [(a, b) for a, b in zip(one, many, strict=True) if a != b]
    assert {a.partition("=")[0] for a, _ in different} == {"Description", "LoadCredential"}
    for plain, of_instance in different:
        name = plain.rpartition("schemad.")[2]
        assert of_instance in {f"{plain} (%i)", f"{plain}:schemad.%i.{name}"}


def test_a_unit_needs_no_systemd_newer_than_debian_12_s() -> None:
    text = SERVICE.read_text(encoding="utf-8")
    # notify-reload came with 253, RestartSteps= with 254.
    assert not re.search(r"^(Type=notify-reload|Restart(Steps|MaxDelaySec)=)", text, re.MULTILINE)


@needs_systemd
@pytest.mark.parametrize("block", DROP_INS, ids=lambda block: block.place)
def test_what_a_reader_adds_to_a_unit_is_understood(block: Block, tmp_path: Path) -> None:
    text = block.text.replace("/usr/local/bin/schemad", str(tmp_path / "bin" / "schemad"))
    drop_in = tmp_path / f"{SERVICE.name}.d" / "override.conf"
    drop_in.parent.mkdir()
    drop_in.write_text(text, encoding="utf-8")
    verified = analyzed("verify", "--recursive-errors=yes", installed(SERVICE, tmp_path))
    complaints = (verified.stdout + verified.stderr).splitlines()
    if "notify-reload" in text and int(analyzed("--version").stdout.split()[1]) < NOTIFY_RELOAD_SINCE:
        # Of an older systemd the page says that it does not know it.
        assert len(complaints) == 1
        assert "Failed to parse service type, ignoring: notify-reload" in complaints[0]
    else:
        assert (verified.returncode, complaints) == (0, [])
