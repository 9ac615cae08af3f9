"""The example's images, as its Containerfile makes them, and a PostgreSQL for its StatefulSet."""

import json
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from examples import make_repository
from tests.cluster.commands import run
from tests.cluster.images import context, image

EXAMPLE = Path(make_repository.__file__).parent
VERSIONS = ("v1.0", "v2.0")
POSTGRES = "docker.io/library/postgres:15"
POSTGRES_PACKAGES = "postgresql-15"
USER = "postgres:x:999:999::/var/lib/postgresql:/bin/bash"
"""As the image of that name has it, and the StatefulSet asks for."""
HOOKS = (
    f'echo "{USER}" >>"$1/etc/passwd" && echo "postgres:x:999:" >>"$1/etc/group"',
    'mkdir -p "$1/etc/postgresql-common"',
    'echo "create_main_cluster = false" >"$1/etc/postgresql-common/createcluster.conf"',
)


def archive(version: str) -> str:
    """Where the image of *version* lies, below what is built."""
    return f"img/healthcare-{version}.tar"


def source() -> str:
    """All that the images are made from."""
    return json.dumps(
        [[str(file.relative_to(EXAMPLE)), file.read_text(encoding="utf-8")] for file in _files()]
    )


def _files() -> Iterator[Path]:
    yield EXAMPLE / "healthcare" / "Containerfile"
    for folder in (EXAMPLE / "history", EXAMPLE / "healthcare" / "src-code"):
        for file in sorted(folder.rglob("*")):
            if file.is_file() and not {"__pycache__", ".venv"} & set(file.parts):
                yield file


def build(out: Path) -> None:
    """An image of each version, from that version's own commit and requirements."""
    with tempfile.TemporaryDirectory() as made:
        repository = Path(made)
        make_repository.make(repository)
        for version in VERSIONS:
            run("git", "-C", repository, "checkout", "--quiet", version)
            _image(out, version, repository)


def _image(out: Path, version: str, repository: Path) -> None:
    containerfile = (repository / "Containerfile").read_text(encoding="utf-8")
    place = context(out, f"healthcare-{version}", containerfile)
    shutil.copytree(repository / "src-code", place / "src-code", ignore=make_repository.NOT_PART)
    requirements = place / "src-code" / "requirements.txt"
    uv = Path(sys.executable).with_name("uv")
    run(
        *(
            uv,
            "pip",
            "install",
            "--quiet",
            "--require-hashes",
            "--python-version",
            "3.11",
            "--link-mode=copy",
        ),
        *("--target", place / "packages", "-r", requirements),
        env=dict(os.environ),
    )
    run("chmod", "-R", "a+rX", place)  # some wheels have files that are their owner's alone
    name = f"docker.io/library/healthcare:{version}"
    image(out, name, place, out / archive(version), BASE="localhost/python:3.11")


def build_postgres(out: Path) -> None:
    """Debian's PostgreSQL, with the user and the places of the image that the manifests name."""
    tar = out / "postgres.tar"
    tar.unlink(missing_ok=True)
    hooks = [f"--essential-hook={hook}" for hook in HOOKS]
    run(
        *("mmdebstrap", "--mode=root", "--variant=minbase", *hooks, f"--include={POSTGRES_PACKAGES}"),
        *("bookworm", tar),
        seconds=1800,
    )
    place = context(out, "postgres", "FROM scratch\nADD postgres.tar /\nUSER 999:999\n", tar)
    image(out, POSTGRES, place, out / "img" / "postgres.tar")
