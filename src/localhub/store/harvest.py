"""What a job leaves behind: outputs, artifacts and caches, checked before they are kept.

A job's files are untrusted: no links are followed, no name leaves its folder, sizes and counts have limits.
"""

import contextlib
import json
import os
import shutil
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

LARGEST_ARTIFACTS_BYTES = 1 << 30
"""Of all of a job's artifacts together; sparse files count in full."""

MOST_CACHES = 50
LARGEST_CACHE_BYTES = 2 << 30
MOST_FILES = 20_000
LARGEST_OUTPUTS_BYTES = 1 << 20
LARGEST_LIST_BYTES = 1 << 20


def outputs(path: Path) -> dict[str, str]:
    """A job's outputs as its last step wrote them; none where it was never reached.

    Raises:
        ValueError: If the file is too large, or not what the step writes.
    """
    try:
        text = text_of(path, LARGEST_OUTPUTS_BYTES)
    except FileNotFoundError:
        return {}
    except ValueError:
        words = f"the job's outputs are beyond {LARGEST_OUTPUTS_BYTES >> 20} MiB, or not a file"
        raise ValueError(words) from None
    data = json.loads(text)
    if not isinstance(data, dict):
        raise TypeError("the job's outputs are not a mapping")
    return {_text(name): _text(value) for name, value in data.items() if value not in (None, "")}


def text_of(path: Path, largest_bytes: int) -> str:
    """A plain file's text: a link would lead to the server's own files, a pipe would never end.

    Raises:
        FileNotFoundError: If there is nothing.
        ValueError: If it is not a plain file, or larger than that.
    """
    kind = path.lstat()
    if not stat.S_ISREG(kind.st_mode) or kind.st_size > largest_bytes:
        raise ValueError(f"{path.name} is beyond {largest_bytes} bytes, or not a plain file")
    return path.read_text(encoding="utf-8")


def _text(value: Any) -> str:
    """As text that can be written: JSON can name half a surrogate pair."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode(errors="replace").decode()


def folders(path: Path) -> Iterator[Path]:
    """Folders right in *path* that are folders, not links; none where the job has removed *path* itself."""
    if not path.is_dir() or path.is_symlink():
        return
    for entry in sorted(os.scandir(path), key=lambda entry: entry.name):
        if entry.is_dir(follow_symlinks=False):
            yield Path(entry.path)


def uploaded(out: Path) -> list[Path]:
    """The folders of a job's artifacts, in the order of their uploads; others come last, by name."""
    names: list[str] = []
    with contextlib.suppress(OSError, ValueError):  # without the list they are all others
        names = text_of(out / "uploaded", LARGEST_LIST_BYTES).split("\n")
    order = {name: position for position, name in enumerate(dict.fromkeys(names))}
    return sorted(folders(out / "artifacts"), key=lambda folder: order.get(folder.name, len(order)))


def taken_over(source: Path, target: Path, largest_bytes: int) -> int:
    """Copies a tree of plain files; returns its bytes.

    Raises:
        ValueError: If it has links or special files, or is beyond the limits; nothing is left at *target*.
    """
    _looked_through(source, largest_bytes)
    size = 0
    try:
        for folder, _, names in os.walk(source, followlinks=False):
            into = target / Path(folder).relative_to(source)
            into.mkdir(parents=True, exist_ok=True)
            for name in names:
                size += _copied(Path(folder) / name, into / name, largest_bytes - size)
    except (ValueError, OSError):
        shutil.rmtree(target, ignore_errors=True)
        raise
    return size


def _looked_through(source: Path, largest_bytes: int) -> None:
    """Refuses what is beyond the limits before anything is copied: to copy it would be the harm."""
    size = count = 0
    for folder, _, names in os.walk(source, followlinks=False):
        count += 1 + len(names)
        if count > MOST_FILES:
            raise ValueError(f"more than {MOST_FILES} files and folders")
        for name in names:
            file_bytes = (Path(folder) / name).lstat().st_size
            _fits(name, file_bytes, largest_bytes - size)
            size += file_bytes


def _fits(name: str, size_bytes: int, room_bytes: int) -> None:
    if size_bytes > room_bytes:
        raise ValueError(f"{name} does not fit: {size_bytes >> 20} MiB, room for {room_bytes >> 20} MiB")


def file_taken_over(source: Path, target: Path, largest_bytes: int) -> int:
    """Copies one plain file; returns its bytes.

    Raises:
        ValueError: If it is not a plain file, or larger than that.
    """
    return _copied(source, target, largest_bytes)


def _copied(source: Path, target: Path, room: int) -> int:
    """One file, opened without following a link; a sparse file counts in full."""
    descriptor = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb") as file:
        kind = os.fstat(descriptor)
        if not stat.S_ISREG(kind.st_mode):
            raise ValueError(f"{source.name} is not a plain file")
        _fits(source.name, kind.st_size, room)
        with target.open("wb") as out:
            shutil.copyfileobj(file, out, 1 << 20)
    target.chmod(0o755 if kind.st_mode & 0o100 else 0o644)
    return kind.st_size
