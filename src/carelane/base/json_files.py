"""Documents in files: written aside and renamed, and set aside where they are damaged.

What is written so is never seen in part. Damage comes all the same (a disk, a hand, a full file system
that took a name and no content): then nobody fails over it, it is named in the log and kept for whoever
wants to look, and the document counts as missing: whoever needs it makes it again from what is recorded.
"""

import contextlib
import errno
import json
import os
import re
import stat
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import UnionType
from typing import Any, NamedTuple

import structlog

log = structlog.get_logger()
DAMAGED = "damaged"
"""In the name of a file that was set aside: ``status.json.damaged-1764316800``."""
_ASIDE = re.compile(rf".\.{DAMAGED}-\d{{16,}}$")
_OURS = {errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EINTR, errno.EAGAIN}
"""What says nothing of a file that cannot be read."""
SETTLED_NS = 1_000_000_000


def write(path: Path, document: Any) -> None:  # noqa: ANN401 - JSON is of any shape
    """Replace the file at *path* in one step, readable by this user alone; raises OSError."""
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        make_way(path)
        Path(part).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(part).unlink()
        raise


def put(path: Path, content: bytes) -> None:
    """Replace the file at *path* by rename, readable by this user alone; raises OSError.

    Unlike `write` it waits for no disk: nothing of it has to outlive a power cut.
    """
    part = path.with_name(f".{path.name}")
    for place in (path, part):
        make_way(place)
    part.touch(mode=0o600)
    part.write_bytes(content)
    part.replace(path)


Kinds = Mapping[str, "type | UnionType | Kinds"]
"""What is under each key: of this type, or an object that is like that in turn."""
NONE: Kinds = {}


def read(path: Path, needed: Kinds = NONE, also: Kinds = NONE) -> dict[str, Any] | None:
    """The document at *path*; None where there is none.

    It is to have what is *needed*, and what it has *also* is to be of these kinds. One that is damaged, or
    cannot be read for whatever reason lies in it, is set aside, and is none.

    Raises:
        OSError: If this process cannot read anything now: it has too many files open, or no memory.
    """
    try:
        inode, raw = _content(path)
    except FileNotFoundError:
        return None
    except OSError as error:
        if error.errno in _OURS:
            raise
        set_aside(path, error.strerror or str(error))
        return None
    wrong = ""
    try:
        document = json.loads(raw)
    except (ValueError, RecursionError) as error:
        wrong = str(error) if raw else "it is empty"
    else:
        wrong = _wrong(document, needed, also)
    if not wrong:
        return dict(document)
    _set_aside_unless_replaced(path, inode, wrong)
    return None


def _content(path: Path) -> tuple[int, bytes]:
    """The inode and the content of the file at *path*; raises OSError, also for a pipe or a folder."""
    with open(path, "rb", opener=_without_waiting) as file:
        seen = os.fstat(file.fileno())
        if not stat.S_ISREG(seen.st_mode):
            raise OSError(errno.EINVAL, "it is no file")
        return seen.st_ino, file.read()


def _without_waiting(path: str, flags: int) -> int:
    return os.open(path, flags | os.O_NONBLOCK)


class Remembered:
    """Documents that are read again only where their file is another one, or was written to."""

    def __init__(self, needed: Kinds, also: Kinds = NONE) -> None:
        """As for `read`."""
        self._needed, self._also = needed, also
        self._known: dict[Path, tuple[_Stamp, dict[str, Any]]] = {}

    def read(self, path: Path) -> dict[str, Any] | None:
        """What `read` gives; whoever gets it changes nothing of it."""
        stamp = _stamp(path)
        known = self._known.get(path)
        if known is not None and known[0] == stamp:
            return known[1]
        document = read(path, self._needed, self._also)
        if document is None or stamp is None or not stamp.settled():
            self.forget(path)
        else:
            self._known[path] = (stamp, document)
        return document

    def forget(self, path: Path) -> None:
        """Drop what was kept of *path*."""
        self._known.pop(path, None)


class _Stamp(NamedTuple):
    """By what a file that was replaced or written to is told from the one before."""

    inode: int
    bytes: int
    written_ns: int
    changed_ns: int

    def settled(self) -> bool:
        """Whether a later write has a later time for certain: files' times go in milliseconds."""
        return time.time_ns() - max(self.written_ns, self.changed_ns) > SETTLED_NS


def _stamp(path: Path) -> _Stamp | None:
    try:
        seen = path.stat()
    except OSError:
        return None
    return _Stamp(seen.st_ino, seen.st_size, seen.st_mtime_ns, seen.st_ctime_ns)


def _wrong(document: Any, needed: Kinds, also: Kinds = NONE) -> str:  # noqa: ANN401 - JSON is of any shape
    if not isinstance(document, dict):
        return "it is no object"
    missing = [key for key in needed if key not in document]
    if missing:
        return f"it has no {', '.join(missing)}"
    kinds = {**needed, **{key: kind for key, kind in also.items() if key in document}}
    return next((f"its {key} is wrong" for key, kind in kinds.items() if not _is(document[key], kind)), "")


def _is(found: Any, kind: "type | UnionType | Kinds") -> bool:  # noqa: ANN401 - JSON is of any shape
    return not _wrong(found, kind) if isinstance(kind, Mapping) else isinstance(found, kind)


def _set_aside_unless_replaced(path: Path, inode: int, wrong: str) -> None:
    with contextlib.suppress(OSError):
        if path.stat().st_ino == inode:
            set_aside(path, wrong)


def set_aside(path: Path, wrong: str) -> None:
    """Rename what is at *path*, a file or a folder, and say so; a disk that takes nothing leaves it there."""
    aside = path.with_name(f"{path.name}.{DAMAGED}-{time.time_ns()}")
    with contextlib.suppress(OSError):
        path.rename(aside)
        log.error("a file was damaged, and is set aside", file=str(path), why=wrong, aside=aside.name)


def make_way(path: Path) -> None:
    """Set aside what is no file and stands where one is to be: a folder, most often."""
    if not path.is_file() and (path.exists() or path.is_symlink()):
        set_aside(path, "it is no file")


def damaged(folder: Path) -> list[Path]:
    """What was set aside anywhere below *folder*."""
    return sorted(path for path in folder.rglob(f"*.{DAMAGED}-*") if _ASIDE.search(path.name))
