"""Images by buildah, without Docker and without a registry; as archives that containerd imports."""

import os
import shutil
from pathlib import Path

from tests.cluster.commands import run


def context(out: Path, name: str, containerfile: str, *files: Path) -> Path:
    """A folder to build an image in, with links to *files* and the *containerfile*."""
    made = out / "context" / name
    shutil.rmtree(made, ignore_errors=True)
    made.mkdir(parents=True)
    for file in files:
        os.link(file, made / file.name)
    (made / "Containerfile").write_text(containerfile, encoding="utf-8")
    return made


def image(out: Path, name: str, place: Path, archive: Path | None, **arguments: str) -> None:
    """Build the image *name* in *place*, into an *archive*; without one it is for others to begin from."""
    store = f"--root={out}/store/root", f"--runroot={out}/store/run", "--storage-driver=overlay"
    given = [word for key, value in arguments.items() for word in ("--build-arg", f"{key}={value}")]
    run(
        *("buildah", *store, "build", "--quiet", "--isolation", "chroot", "--network", "host", *given),
        *("--tag", name, "--file", place / "Containerfile", place),
        seconds=1800,
    )
    if archive is None:
        return
    archive.parent.mkdir(parents=True, exist_ok=True)
    archive.unlink(missing_ok=True)
    target = f"oci-archive:{archive}:{name}"
    run("buildah", *store, "push", "--quiet", "--disable-compression", name, target)
