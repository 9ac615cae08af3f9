"""What a folder held when it was made, so that damage to it is found before it is run.

A check reads what the file system says of each file, and the file itself only where size or time of
change differ: cheap enough for an emergency. Decay that the file system does not notice stays unseen.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from carelane.base import json_files

Manifest = dict[str, list[Any]]
"""By path within the folder: size, time of change in nanoseconds, and SHA-256 or a link's target."""
HELD = 3


def write(folder: Path) -> None:
    """Write down what *folder* holds, beside it."""
    held = {name: [*_seen(path), _content(path)] for name, path in _files(folder)}
    json_files.write(_beside(folder), held)


def known(folder: Path) -> bool:
    """Whether it was written down what *folder* holds."""
    return _beside(folder).exists()


def damage(folder: Path) -> str | None:
    """What is wrong with *folder*, in a few words; None where it is as it was made."""
    manifest: Manifest | None = json_files.read(_beside(folder))
    if manifest is None or not all(
        isinstance(each, list) and len(each) == HELD for each in manifest.values()
    ):
        return "what it should hold is not known"
    found = dict(_files(folder))
    for name, (size, changed, content) in manifest.items():
        path = found.pop(name, None)
        if path is None:
            return f"{name} is missing"
        try:
            differs = _seen(path) != (size, changed) and _content(path) != content
        except OSError as error:
            return f"{name} cannot be read: {error.strerror}"
        if differs:
            return f"{name} was changed"
    added = next((name for name in sorted(found) if "__pycache__" not in name), None)
    return f"{added} was added" if added is not None else None


def _beside(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.json")


def _files(folder: Path) -> Iterator[tuple[str, Path]]:
    for above, folders, files in os.walk(folder):
        links = [name for name in folders if os.path.islink(f"{above}/{name}")]  # noqa: PTH114 - 5,000 of them
        for name in (*files, *links):
            path = Path(above, name)
            yield str(path.relative_to(folder)), path


def _seen(path: Path) -> tuple[int, int]:
    status = path.lstat()
    return status.st_size, status.st_mtime_ns


def _content(path: Path) -> str:
    if stat.S_ISLNK(path.lstat().st_mode):
        return f"-> {path.readlink()}"
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
