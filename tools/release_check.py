"""Looks whether this commit could be released: built, installed where there is nothing else, and tried from there.

Run it from the checkout: python -m tools.release_check

It prints a line for each thing that it looks at, and exits with 1 if one is not as it should be. It looks at the
last commit, not at what was changed since. Packages come from where pip takes them.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
import tomllib
import venv
from collections.abc import Callable, Iterator, Set
from pathlib import Path

from schemad import __version__
from schemad.embedded import EmbeddedPostgres, installed_majors
from tests.package.closure import needed

ROOT = Path(__file__).resolve().parents[1]
PATIENCE = 600.0
# Names of licences in the words of SPDX, of classifiers and of those who write their own. What has none of these
# is to be read by a person; the GPL and its kin are never right.
ALLOWED = re.compile(
    r"\b(MIT|BSD|0BSD|Apache|ISC|PSF|Python Software Foundation|MPL|Mozilla|Zlib|CC0)\b", re.IGNORECASE
)
REFUSED = re.compile(r"\b[AL]?GPL|General Public", re.IGNORECASE)
# What a distribution says of its licence, as JSON: run within the environment that is asked.
_LICENCES = """
import json
from importlib.metadata import distributions
def said(data):
    classifiers = [c.rpartition(" :: ")[2] for c in data.get_all("Classifier") or [] if c.startswith("License ::")]
    own = (data.get("License") or "").strip().partition("\\n")[0]
    return data.get("License-Expression") or ", ".join(classifiers) or own
print(json.dumps({d.metadata["Name"]: said(d.metadata) for d in distributions()}))
"""

Checks = Iterator[tuple[str, Callable[[], str]]]


class NotReady(Exception):
    """Something is not as it should be for a release; the message says what."""


class Release:
    """A release to be, in a directory of its own.

    Args:
        directory: Where it is built and installed.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._built = directory / "dist"
        self._bin = directory / "installed" / "bin"

    def checks(self) -> Checks:
        """What is looked at, in its order: later ones need what earlier ones made."""
        yield "changelog", lambda: changelog_problem((ROOT / "CHANGELOG.md").read_text(encoding="utf-8"))
        yield "wheel and source archive", self.build
        yield "installed in an empty environment", self.install
        yield "schemad --version", self.version
        yield "schemad dev --help", self.help
        for major in installed_majors():
            yield f"schemad migrate on PostgreSQL {major}", lambda major=major: self.migrate(major)  # type: ignore[misc]
        yield "licences of what is installed", lambda: self.licences(self._bin / "python")
        yield "licences of the extras", self.licences_of_extras

    def build(self) -> str:
        """Builds the source archive from the last commit, and the wheel from that."""
        source, archive = self._directory / "source", self._directory / "source.tar"
        source.mkdir()
        run("git", "-C", ROOT, "archive", "--output", archive, "HEAD")
        run("tar", "-xf", archive, "-C", source)
        run(sys.executable, "-m", "build", "--no-isolation", "--outdir", self._built, source)
        names = sorted(path.name for path in self._built.iterdir())
        expected = [f"schemad-{__version__}-py3-none-any.whl", f"schemad-{__version__}.tar.gz"]
        if names != expected:
            raise NotReady(f"{names} instead of {expected}")
        return ", ".join(names)

    def install(self) -> str:
        """Installs the wheel, with what the lock file says that it needs and no more."""
        venv.create(self._directory / "installed", symlinks=True, with_pip=True)
        pip = (self._bin / "python", "-m", "pip", "--disable-pip-version-check", "--no-input")
        run(*pip, "install", "--quiet", "--require-hashes", "-r", ROOT / "requirements-run.lock")
        run(*pip, "install", "--quiet", "--no-deps", "--no-index", *self._built.glob("*.whl"))
        return run(*pip, "check").strip()

    def version(self) -> str:
        """The program's version, which has to be the package's, and the PostgreSQL versions that it tells."""
        said, *works_with = self._schemad("--version").splitlines()
        if said != f"schemad {__version__}" or not works_with:
            raise NotReady(f"it says {said!r} and {works_with}")
        return "; ".join([said, *works_with])

    def help(self) -> str:
        """The help of a verb that nothing but the package is needed for."""
        return self._schemad("dev", "--help").strip().splitlines()[0]

    def migrate(self, major: int) -> str:
        """Installs the schema in an embedded server of that version; doing so again has to change nothing."""
        with EmbeddedPostgres(self._directory / f"data{major}", major=major) as server:
            first = self._schemad("migrate", "--dsn", server.dsn()).strip()
            self._schemad("migrate", "--check", "--dsn", server.dsn())
        return first

    def licences(self, python: Path, only: Set[str] | None = None) -> str:
        """The licences of an environment's distributions, none of which may be unknown or the GPL."""
        found: dict[str, str] = json.loads(run(python, "-c", _LICENCES))
        if only is not None:
            found = {name: found[name] for name in found if canonical(name) in only}
            if missing := only - {canonical(name) for name in found}:
                raise NotReady(f"not installed here: {', '.join(sorted(missing))}; run make install")
        return licence_problem(found)

    def licences_of_extras(self) -> str:
        """Those of what all extras but the tests' bring, as installed beside this program."""
        extras = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"][
            "optional-dependencies"
        ]
        wanted = [each for name, requirements in extras.items() if name != "test" for each in requirements]
        return self.licences(Path(sys.executable), set(needed(wanted)))

    def _schemad(self, *arguments: str) -> str:
        return run(self._bin / "schemad", *arguments)


def canonical(name: str) -> str:
    """A distribution's name as lock files write it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def changelog_problem(text: str) -> str:
    """The line of this version in a changelog.

    Raises:
        NotReady: There is none, or changes are left that no version has.
    """
    sections = dict(re.findall(r"^## \[([^\]]+)\](.*(?:\n(?!## ).*)*)", text, re.MULTILINE))
    if __version__ not in sections:
        raise NotReady(f"there is no section for {__version__}")
    if re.search(r"^- ", sections.get("Unreleased", ""), re.MULTILINE):
        raise NotReady(f"changes are left under Unreleased: move them to {__version__}, or raise the version")
    return f"{__version__}{sections[__version__].partition(chr(10))[0]}"


def licence_problem(found: dict[str, str]) -> str:
    """The licences by name.

    Raises:
        NotReady: One is missing, unknown or the GPL.
    """
    wrong = {name: said for name, said in found.items() if REFUSED.search(said) or not ALLOWED.search(said)}
    if wrong:
        raise NotReady(", ".join(f"{name}: {said or 'says nothing'}" for name, said in sorted(wrong.items())))
    return "".join(f"\n        {name}: {said}" for name, said in sorted(found.items(), key=lambda i: i[0].lower()))


def run(*command: object) -> str:
    """Runs a command as somebody would who has set nothing for schemad; what it printed."""
    kept = {n: v for n, v in os.environ.items() if not n.startswith(("SCHEMAD_", "PG", "PYTHONPATH"))}
    done = subprocess.run(
        [str(word) for word in command],
        cwd=ROOT,
        env=kept,
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    if done.returncode != 0:
        raise NotReady(f"{' '.join(map(str, command))} exited with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout


def main() -> int:
    """Looks at everything; the exit code."""
    failed = 0
    with tempfile.TemporaryDirectory(prefix="schemad-release-") as directory:
        for name, check in Release(Path(directory)).checks():
            try:
                print(f"ok    {name}: {check()}", flush=True)
            except NotReady as problem:
                failed += 1
                print(f"mend  {name}: {problem}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
