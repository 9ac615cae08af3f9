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
    fresh = _written(folder, actor, (moved,))
    fresh.rename(folder / f"{time_ns()}-{fresh.name.lstrip('.')}")


def waiting(repository: Path) -> Iterator[Receipt]:
    """The pushes that nobody has taken yet, oldest first."""
    try:
        paths = sorted(path for path in _folder(repository).iterdir() if not path.name.startswith("."))
    except FileNotFoundError:
        return
    for path in paths:
        actor, *lines = path.read_bytes().decode(errors="replace").removesuffix("\n").split("\n")
        rows = [line.split(" ", 2) for line in lines]
        yield Receipt(path, actor, tuple(Pushed(ref, before, after) for before, after, ref in rows))


def strike(receipt: Receipt, taken: int) -> None:
    """The first *taken* refs of a push are not to be taken again; all of them: the receipt goes."""
    rest = receipt.moved[taken:]
    if rest:
        _written(receipt.path.parent, receipt.actor, rest).rename(receipt.path)
    else:
        receipt.path.unlink()


def _written(folder: Path, actor: str, moved: tuple[Pushed, ...]) -> Path:
    lines = [actor, *(f"{each.before} {each.after} {each.ref}" for each in moved)]
    with NamedTemporaryFile("wb", dir=folder, prefix=".", delete=False) as fresh:
        fresh.write("".join(f"{line}\n" for line in lines).encode())
    return Path(fresh.name)
