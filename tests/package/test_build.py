"""The wheel and the source archive: everything is in them, and what is installed from them runs by itself."""

import json
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from schemad import __version__
from schemad.store.sql_files import migrations, reapplied, roles
from tests.cli.program import LOW_RISK, environment

ROOT = Path(__file__).parents[2]
PATIENCE = 120.0
# What the build reads; not the rest of the checkout, which may be large and is nobody's business here.
SOURCES = (
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Makefile",
    "mkdocs.yml",
    "Dockerfile",
    ".dockerignore",
    "compose.yaml",
    "requirements.lock",
    "requirements-run.lock",
    "requirements-build.lock",
)
FOLDERS = ("src", "sql", "systemd", "deploy", "docs", "examples", "tests", "benchmarks")
# What make and Python leave in them.
INSTALLED = ("__pycache__", ".venv", "node_modules")


def run(*command: object, cwd: Path) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment(PYTHONPATH=""),
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """The wheel, built from the source archive, and the source archive."""
    copy, built = tmp_path_factory.mktemp("checkout"), tmp_path_factory.mktemp("dist")
    # A copy, as a build in the checkout would leave files there.
    for name in SOURCES:
        if (ROOT / name).exists():
            shutil.copy(ROOT / name, copy / name)
    for name in FOLDERS:
        if (ROOT / name).exists():
            shutil.copytree(ROOT / name, copy / name, ignore=shutil.ignore_patterns(*INSTALLED))
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", built, copy, cwd=built)
    (wheel,), (source,) = built.glob("*.whl"), built.glob("*.tar.gz")
    return wheel, source


def files_below(folder: str) -> set[str]:
    return {
        str(path.relative_to(ROOT / folder))
        for path in (ROOT / folder).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def test_the_wheel_has_the_package_all_sql_and_nothing_else(archives: tuple[Path, Path]) -> None:
    with zipfile.ZipFile(archives[0]) as wheel:
        names = {name for name in wheel.namelist() if not name.endswith("/")}
        metadata = wheel.read(f"schemad-{__version__}.dist-info/METADATA").decode()
    package = {name for name in names if ".dist-info/" not in name}
    sql = {f"schemad/sql/{name}" for name in files_below("sql")}
    assert "schemad/py.typed" in package
    assert package == sql | {name for name in files_below("src") if name.startswith("schemad/")}
    assert f"Version: {__version__}\n" in metadata
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_source_archive_has_what_is_needed_to_build_and_test(archives: tuple[Path, Path]) -> None:
    with tarfile.open(archives[1]) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    for folder in ("sql", "systemd"):
        assert {f"{folder}/{name}" for name in files_below(folder)} <= names
    assert {f"tests/{name}" for name in files_below("tests")} <= names
    assert {f"deploy/{name}" for name in files_below("deploy")} <= names
    assert set(SOURCES) <= names


@pytest.fixture(scope="module")
def installed(archives: tuple[Path, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin directory of an environment with the wheel, and with this one's packages for what it needs."""
    home = tmp_path_factory.mktemp("installed")
    venv.create(home, symlinks=True)
    packages = Path(sysconfig.get_path("purelib", vars={"base": str(home), "platbase": str(home)}))
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--quiet", "--no-input")
    run(*pip, "--python", home / "bin" / "python", "install", "--no-deps", "--no-index", archives[0], cwd=home)
    # Behind the environment's own, so that nothing of it is hidden; as a plain path, so that the .pth file of an
    # editable install there has no effect.
    (packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
    return home / "bin"


def test_what_is_imported_is_the_installed_package(installed: Path, tmp_path: Path) -> None:
    code = "import schemad, schemad.store.sql_files as s; print(schemad.__file__); print(s.sql_directory())"
    package, sql = run(installed / "python", "-c", code, cwd=tmp_path).splitlines()
    assert Path(package).is_relative_to(installed.parent)
    assert Path(sql) == Path(package).parent / "sql"


def test_the_installed_program_plans_prints_its_schema_and_runs_the_demo(installed: Path, tmp_path: Path) -> None:
    program = installed / "schemad"
    assert run(program, "--version", cwd=tmp_path).splitlines()[0] == f"schemad {__version__}"

    request = tmp_path / "request.json"
    request.write_text(json.dumps(LOW_RISK))
    assert 'CREATE TABLE "public"."thing"' in run(program, "plan", request, "--name", "thing", cwd=tmp_path)

    script = run(program, "migrate", "--print", cwd=tmp_path)
    for file in (*migrations(), *reapplied(), *roles()):
        assert file.sql.rstrip() in script

    assert "approved by schemad" in run(program, "demo", cwd=tmp_path)
