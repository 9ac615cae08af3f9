"""What the hook leaves of a push: a note of what moved and who moved it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from time import time_ns

from localhub.repositories.bare import Pushed


@dataclass(frozen=True)
class Receipt:
    """One push: who made it and the refs it moved."""

    path: Path
    actor: str
    moved: tuple[Pushed, ...]


def _folder(repository: Path) -> Path:
    return repository / "localhub" / "pushes"


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
