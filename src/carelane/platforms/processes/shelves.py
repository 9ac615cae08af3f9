"""What this machine keeps for a while: artifacts, logs of what has ended, files that were damaged."""

import os
import re
import shutil
import time
from collections.abc import Callable, Collection, Iterator
from datetime import UTC, datetime
from pathlib import Path

from carelane.base import json_files
from carelane.base.errors import not_written
from carelane.delivery.retention import Kept, Spare
from carelane.platforms.processes.archives import DAMAGED, PART, alone, remove

QUIET_SECONDS = 3600.0
"""What was made, or asked for, within the last hour is left alone: whoever needs it may be on its way."""
_DIGEST = re.compile(r"[0-9a-f]{64}")
_KINDS = {"archives": "archive", "trees": "unpacked archive", "dependencies": "built environment"}


def size_of(path: Path) -> int:
    """The bytes that *path*, and what is below it, takes on the disk."""
    total = _blocks(path)
    for above, folders, files in os.walk(path):
        total += sum(_blocks(Path(above, name)) for name in (*folders, *files))
    return total


def _blocks(path: Path) -> int:
    try:
        return path.lstat().st_blocks * 512
    except OSError:
        return 0


class ArtifactShelf:
    """The artifacts below *root*, of which what is in the *environments* may be run in."""

    name = "artifacts"

    def __init__(self, root: Path, environments: Path) -> None:
        self._root = root
        self._environments = environments

    def spare(self, kept: Kept) -> list[Spare]:
        """Archives, their files, built environments of digests that nobody needs; parts, damaged ones."""
        needed = {*(a.archive for a in kept.artifacts), *(a.dependencies for a in kept.artifacts)}
        needed |= self._run()
        there = [(what, path) for folder, what in _KINDS.items() for path in (self._root / folder).iterdir()]
        spare = [(_kind(path) or what, path) for what, path in there if self._is_spare(path, needed)]
        places = ((what, path, str(path.relative_to(self._root))) for what, path in sorted(spare))
        return [Spare(self.name, what, place, size_of(path)) for what, path, place in places]

    def _is_spare(self, path: Path, needed: Collection[str | None]) -> bool:
        if _kind(path):
            return path.is_dir() and _quiet(path) and not _run_in(path)
        digest = path.name.removesuffix(".tar")
        if not _DIGEST.fullmatch(digest) or digest in needed:
            return False
        return (path.is_dir() or path.suffix == ".tar") and _quiet(path)

    def remove(self, spare: Spare) -> None:
        """With what stands beside it; what was asked for since stays."""
        path = self._root / spare.name
        if not path.exists():
            return
        if not path.is_dir() or _kind(path):
            self._remove(path)
            return
        with alone(path) as lock:
            if self._remove(path):
                lock.unlink()

    def _remove(self, path: Path) -> bool:
        """Whether it could be, and is."""
        if not self._is_spare(path, self._run()):
            return False
        gone = path.with_name(f"{PART}{path.name}-{time.time_ns()}")
        path.rename(gone)  # at once: who asks for it finds all of it, or nothing
        remove(gone) if gone.is_dir() else gone.unlink()
        for suffix in (".json", ".txt"):
            path.with_name(f"{path.name}{suffix}").unlink(missing_ok=True)
        return True

    def _run(self) -> set[str | None]:
        """The digests that what is in the environments was started with."""
        specs = self._environments.glob("*/instances/*/spec.json")
        return {digest for spec in specs for digest in _DIGEST.findall(_text(spec))}


def _kind(path: Path) -> str:
    """What a folder is that is no artifact."""
    if path.name.startswith(PART):
        return "unfinished try"
    return "damaged folder" if path.name.startswith(DAMAGED) else ""


def _quiet(path: Path) -> bool:
    return time.time() - path.lstat().st_mtime > QUIET_SECONDS


def _text(path: Path) -> str:
    try:
        return path.read_text(errors="replace")
    except OSError:
        return ""  # it has just ended


def _run_in(folder: Path) -> bool:
    """Whether any process that can be seen stands in *folder*; what was damaged may still be run in."""
    inside = f"{folder}/"
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if f"{(process / 'cwd').readlink()}/".startswith(inside):
                    return True
            except OSError:
                continue  # it has ended, or is another user's
    return False


class EndedShelf:
    """The logs of what has ended in the environments, below *folders*."""

    name = "logs"

    def __init__(self, folders: Callable[[], Collection[Path]]) -> None:
        self._folders = folders

    def spare(self, kept: Kept) -> list[Spare]:
        """Those of what ended before the moment up to which they are kept."""
        return [
            Spare(self.name, "log of what has ended", f"{folder.parent.name}/{path.name}", size_of(path))
            for folder in self._folders()
            for path in _older(folder.iterdir() if folder.is_dir() else iter(()), kept.since)
        ]

    def remove(self, spare: Spare) -> None:
        """The folder of an instance."""
        environment, _, instance = spare.name.partition("/")
        for folder in self._folders():
            if folder.parent.name == environment:
                shutil.rmtree(folder / instance, ignore_errors=True)


class DamagedShelf:
    """Files that were damaged and set aside, below *root*."""

    name = "damaged"

    def __init__(self, root: Path) -> None:
        self._root = root

    def spare(self, kept: Kept) -> list[Spare]:
        """Those that were set aside before the moment up to which they are kept."""
        found = _older(iter(json_files.damaged(self._root)), kept.since)
        places = ((path, str(path.relative_to(self._root))) for path in found)
        return [Spare(self.name, "damaged file", place, size_of(path)) for path, place in places]

    def remove(self, spare: Spare) -> None:
        """The file, or the folder that stood in its place; raises PlatformError where it cannot be."""
        path = self._root / spare.name
        try:
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        except OSError as error:
            raise not_written(spare.name, error) from error


def _older(paths: Iterator[Path], since: datetime) -> Iterator[Path]:
    """Those that were changed last before *since*, and not within the last hour."""
    for path in sorted(paths):
        if datetime.fromtimestamp(path.lstat().st_mtime, UTC) < since and _quiet(path):
            yield path
