"""What a push leaves behind: a note of what moved and who moved it, so that none is lost meanwhile."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import time_ns

from localhub.repositories.bare import Pushed

HOOK = """#!/bin/sh
# Writes down what was pushed and by whom; localhub reads it, now or when it is next started.
set -e
folder="$GIT_DIR/localhub/pushes"
mkdir -p "$folder"
fresh=$(mktemp "$folder/.XXXXXXXX")
{ echo "${LOCALHUB_USER:-${USER:-$(id -un)}}"; cat; } >"$fresh"
mv "$fresh" "$folder/$(date +%s%N)-$$"
"""


@dataclass(frozen=True)
class Receipt:
    """One push: who made it and the refs it moved."""

    path: Path
    actor: str
    moved: tuple[Pushed, ...]


def _folder(repository: Path) -> Path:
    return repository / "localhub" / "pushes"


def install_hook(repository: Path) -> None:
    """Puts the hook into a bare repository."""
    _folder(repository).mkdir(parents=True, exist_ok=True)
    hook = repository / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(HOOK, encoding="utf-8")
    hook.chmod(0o755)


def write(repository: Path, actor: str, moved: Pushed) -> None:
    """Writes down a ref that we moved ourselves: git calls no hook for `update-ref`."""
    folder = _folder(repository)
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile("w", dir=folder, prefix=".", delete=False, encoding="utf-8") as fresh:
        fresh.write(f"{actor}\n{moved.before} {moved.after} {moved.ref}\n")
    Path(fresh.name).rename(folder / f"{time_ns()}-{Path(fresh.name).name.lstrip('.')}")


def waiting(repository: Path) -> Iterator[Receipt]:
    """The pushes that nobody has taken yet, oldest first."""
    try:
        paths = sorted(path for path in _folder(repository).iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return
    for path in paths:
        actor, *lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
        rows = [line.split(" ", 2) for line in lines]
        yield Receipt(path, actor, tuple(Pushed(ref, before, after) for before, after, ref in rows))
