"""The Dockerfile and compose.yaml, as far as they can be judged without an engine; `make test-docker` has one."""

import json
import re
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import schemad
from schemad.cli import healthcheck
from tests.package.closure import needed

ROOT = Path(__file__).parents[2]
# A tag of a version; `latest` or none at all would be another image tomorrow.
PINNED = re.compile(r"[a-z/]+:\d+(\.\d+)?(-[a-z]+)?")
SECRET = re.compile(r"password|secret|token", re.IGNORECASE)
HARDENED = {"read_only": True, "cap_drop": ["ALL"], "security_opt": ["no-new-privileges:true"]}


def read(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


@cache
def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with their arguments, comments left out and continued lines joined."""
    lines = "\n".join(line for line in read("Dockerfile").splitlines() if not line.lstrip().startswith("#"))
    joined = re.sub(r"\\\n\s*", "", lines)
    return [(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines() if line)]


def arguments(instruction: str, *, last_stage: bool = False) -> list[str]:
    """The arguments of an instruction wherever it stands, or in the stage that becomes the image."""
    found = instructions()
    if last_stage:
        found = found[max(n for n, (word, _) in enumerate(found) if word == "FROM") :]
    return [rest for word, rest in found if word == instruction]


def services() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(read("compose.yaml"))["services"]
    return found


def test_every_instruction_is_one_that_docker_knows() -> None:
    known = "ARG CMD COPY ENTRYPOINT ENV FROM HEALTHCHECK LABEL RUN STOPSIGNAL USER WORKDIR"
    assert {word for word, _ in instructions()} <= set(known.split())


def test_no_frontend_is_fetched_to_read_the_dockerfile() -> None:
    assert not re.search(r"^#\s*syntax\s*=", read("Dockerfile"), re.MULTILINE | re.IGNORECASE)


def test_all_stages_start_from_one_pinned_python() -> None:
    assert {each.partition(" AS ")[0] for each in arguments("FROM")} == {"${PYTHON_IMAGE}"}
    assert len(arguments("FROM")) > 1
    (image,) = (each for each in arguments("ARG") if each.startswith("PYTHON_IMAGE="))
    name = image.removeprefix("PYTHON_IMAGE=")
    assert PINNED.fullmatch(name)
    version = name.partition(":")[2].partition("-")[0]
    project = tomllib.loads(read("pyproject.toml"))["project"]
    assert f"Programming Language :: Python :: {version}" in project["classifiers"]


def test_the_image_runs_as_a_number_that_is_not_root() -> None:
    user, group = arguments("USER", last_stage=True)[-1].split(":")
    assert int(user) > 0
    assert int(group) > 0
    # Which the script that hands over the password has to know.
    assert f"owner={user} " in read("deploy/docker/daemon-login.sh")


def test_the_image_says_how_it_is_started_asked_and_stopped() -> None:
    assert [json.loads(each) for each in arguments("ENTRYPOINT", last_stage=True)] == [["schemad"]]
    assert [json.loads(each) for each in arguments("CMD", last_stage=True)] == [["run"]]
    assert arguments("STOPSIGNAL", last_stage=True) == ["SIGTERM"]
    (check,) = arguments("HEALTHCHECK", last_stage=True)
    command = check.partition("CMD ")[2]
    program, *_, module = json.loads(command)
    assert (program, module) == ("python", healthcheck.__name__)
    (settings,) = arguments("ENV", last_stage=True)
    assert re.search(rf"\b{healthcheck.VARIABLE}=127\.0\.0\.1:\d+", settings)
    assert {"--interval", "--timeout", "--start-period", "--retries"} == set(re.findall(r"--[a-z-]+", check))


def test_the_drain_ends_before_docker_stop_kills() -> None:
    (settings,) = arguments("ENV", last_stage=True)
    deadline = re.search(r"SCHEMAD_DRAIN_DEADLINE=(\d+)", settings)
    assert deadline
    assert int(deadline[1]) < 10


def test_labels_name_the_version_and_the_licence() -> None:
    labels = dict(re.findall(r'org\.opencontainers\.image\.(\w+)="([^"]*)"', "".join(arguments("LABEL"))))
    project = tomllib.loads(read("pyproject.toml"))["project"]
    assert labels["version"] == schemad.__version__
    assert labels["licenses"] == project["license"]
    assert {"title", "description", "revision"} <= set(labels)


def test_all_that_is_installed_is_checked_by_its_hash() -> None:
    installs = [each for each in arguments("RUN") if re.search(r"\bpip\b.* install", each)]
    assert len(installs) == 3
    for each in installs:
        command = each.rpartition("pip")[2]
        assert "--require-hashes -r requirements-" in command or "--no-deps --no-index /dist/" in command, each


def test_what_is_copied_is_there_and_all_that_the_build_is_sent() -> None:
    copied = {name for each in arguments("COPY") if not each.startswith("--from") for name in each.split()[:-1]}
    assert all((ROOT / name).exists() for name in copied)
    rules = [line for line in read(".dockerignore").splitlines() if line and not line.startswith("#")]
    assert rules[0] == "*"
    assert {rule.removeprefix("!") for rule in rules if rule.startswith("!")} == copied


def test_images_of_services_are_pinned_or_built_here() -> None:
    for name, service in services().items():
        assert service["image"] == "${SCHEMAD_IMAGE:-schemad:latest}" or PINNED.fullmatch(service["image"]), name
    assert services()["postgres"]["image"] == services()["login"]["image"]


def test_services_start_in_an_order_in_which_each_finds_what_it_needs() -> None:
    needs = {name: service.get("depends_on", {}) for name, service in services().items()}
    assert needs == {
        "postgres": {},
        "migrate": {"postgres": {"condition": "service_healthy"}},
        "login": {"migrate": {"condition": "service_completed_successfully"}},
        "daemon": {"login": {"condition": "service_completed_successfully"}},
    }
    assert "healthcheck" in services()["postgres"]


@pytest.mark.parametrize("name", ["migrate", "daemon"])
def test_services_of_schemad_may_do_no_more_than_they_have_to(name: str) -> None:
    service = services()[name]
    assert {key: service.get(key) for key in HARDENED} == HARDENED


def test_the_daemon_has_a_login_of_its_own_and_no_way_to_be_a_superuser() -> None:
    daemon = services()["daemon"]
    assert daemon["environment"]["SCHEMAD_DSN"].startswith("postgresql://schemad_service@")
    assert not daemon.get("secrets")
    # Whoever reaches the server's socket is let in as whom they please.
    assert [volume.partition(":")[0] for volume in daemon["volumes"]] == ["credentials"]


def test_no_secret_is_in_an_environment() -> None:
    for name, service in services().items():
        for variable, value in service.get("environment", {}).items():
            assert not SECRET.search(variable) or value.startswith("/run/secrets/"), (name, variable)
            assert not re.search(r"//[^@/]*:[^@/]*@", value), (name, variable)


def test_only_this_machine_reaches_the_published_port() -> None:
    published = [port for service in services().values() for port in service.get("ports", [])]
    assert published
    assert all(port.startswith("127.0.0.1:") for port in published)


def locked(name: str) -> dict[str, str]:
    """The entries of a lock file: each name with its version, marker and hashes."""
    text = re.sub(r"\n    #.*", "", read(name))
    entries = re.findall(r"^([a-z0-9._-]+)(==(?:.*\n)(?:    .*\n?)*)", text, re.MULTILINE)
    return dict(entries)


@pytest.mark.parametrize(
    ("name", "table", "key"),
    [
        ("requirements-run.lock", "project", "dependencies"),
        ("requirements-build.lock", "build-system", "requires"),
    ],
)
def test_a_lock_file_of_the_image_is_in_step(name: str, table: str, key: str) -> None:
    requirements = tomllib.loads(read("pyproject.toml"))[table][key]
    entries, everything = locked(name), locked("requirements.lock")
    stale = f"{name} is out of step: make lock"
    here = {each for each, text in entries.items() if applies(text)}
    assert here == set(needed(requirements)), stale
    for each, text in entries.items():
        assert without_marker(text) == without_marker(everything[each]), f"{stale} ({each})"
    for requirement in map(Requirement, requirements):
        version = entries[canonicalize_name(requirement.name)][2:].split()[0]
        assert requirement.specifier.contains(version), f"{stale} ({requirement.name})"


def applies(entry: str) -> bool:
    """Whether an entry is for a machine like this."""
    marker = re.search(r" ; (.*?) \\", entry.partition("\n")[0])
    return marker is None or Marker(marker[1]).evaluate()


def without_marker(entry: str) -> str:
    """What is the same in two lock files: what a package is needed for differs."""
    return re.sub(r" ; .*? \\", r" \\", entry).rstrip()
