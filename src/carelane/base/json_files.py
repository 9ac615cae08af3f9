"""Documents in files: written aside and renamed, and set aside where they are damaged.

What is written so is never seen in part. Damage comes all the same (a disk, a hand, a full file system
that took a name and no content): then nobody fails over it, it is named in the log and kept for whoever
wants to look, and the document counts as missing: whoever needs it makes it again from what is recorded.
"""

import contextlib
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import structlog

log = structlog.get_logger()
DAMAGED = "damaged"
"""In the name of a file that was set aside: ``status.json.damaged-1764316800``."""


def write(path: Path, document: Any) -> None:  # noqa: ANN401 - JSON is of any shape
    """Replace the file at *path* in one step, readable by this user alone; raises OSError."""
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        Path(part).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(part).unlink()
        raise


def read(path: Path, *needed: str) -> dict[str, Any] | None:
    """The document at *path*, which is to have the keys *needed*; None where there is none.

    One that is damaged is set aside, and is none. What cannot be read for another reason raises OSError.
    """
    try:
        with path.open("rb") as file:
            seen = os.fstat(file.fileno())
            raw = file.read()
    except FileNotFoundError:
        return None
    wrong = ""
    try:
        document = json.loads(raw)
    except ValueError as error:
        wrong = str(error) if raw else "it is empty"
    else:
        wrong = _wrong(document, needed)
    if not wrong:
        return dict(document)
    _set_aside(path, seen.st_ino, wrong)
    return None


def _wrong(document: Any, needed: tuple[str, ...]) -> str:  # noqa: ANN401 - JSON is of any shape
    if not isinstance(document, dict):
        return "it is no object"
    missing = [key for key in needed if key not in document]
    return f"it has no {', '.join(missing)}" if missing else ""


def _set_aside(path: Path, inode: int, wrong: str) -> None:
    """Rename what was read, unless it was replaced meanwhile; a disk that takes nothing leaves it there."""
    aside = path.with_name(f"{path.name}.{DAMAGED}-{time.time_ns()}")
    with contextlib.suppress(OSError):
        if path.stat().st_ino == inode:
            path.rename(aside)
            log.error("a file was damaged, and is set aside", file=str(path), why=wrong, aside=aside.name)


def damaged(folder: Path) -> list[Path]:
    """What was set aside anywhere below *folder*."""
    return sorted(folder.rglob(f"*.json.{DAMAGED}-*"))
