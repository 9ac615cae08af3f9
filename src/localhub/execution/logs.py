"""Logs as GitHub keeps them: a file a step, each line stamped, masked before it is written."""

import re
import tempfile
import zipfile
from collections.abc import Iterator
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import IO

from localhub.base.pieces import pieces
from localhub.execution.masking import Masks

LARGEST_BYTES = 64 << 20
"""Of one job's log; what comes after is counted and left out."""

LONGEST_LINE_BYTES = 65_000
"""gh shows nothing of a step from a line of 64 KiB on, the time before it included."""

CUT = " [the rest of a very long line is left out]"


class JobLog:
    """Writes one job's log; not for several threads."""

    def __init__(self, folder: Path, masks: Masks) -> None:
        self.folder = folder
        self.masks = masks
        self._written = 0
        self._left_out = 0
        self._open: dict[int, FileIO] = {}
        folder.mkdir(parents=True, exist_ok=True)

    def write(self, step: int, text: str) -> None:
        """One or more lines of a step; beyond the limit they are only counted."""
        for line in self.masks.hide(text).split("\n"):
            shown = line.rstrip("\r")
            over = len(shown.encode(errors="replace")) - LONGEST_LINE_BYTES
            if over > 0:
                shown = f"{_beginning(shown, LONGEST_LINE_BYTES)} [{over} bytes left out]"
            row = f"{_stamp()} {shown}\n".encode(errors="replace")
            if self._written + len(row) > LARGEST_BYTES:
                self._left_out += 1
                continue
            self._written += len(row)
            file = self._open.get(step)
            if file is None:
                file = self._open[step] = FileIO(self.folder / f"{step}.txt", "ab")
            file.write(row)

    def write_cut(self, step: int, text: str) -> None:
        """A line whose end is not known: without its last part, where a secret may have been cut in two."""
        shown = self.masks.hide(text)[:-LONGEST_LINE_BYTES]
        self.write(step, _beginning(shown, LONGEST_LINE_BYTES - len(CUT)) + CUT)

    def close(self, last_step: int) -> None:
        """Says what was left out, and ends the files."""
        if self._left_out:
            with (self.folder / f"{last_step}.txt").open("ab") as file:
                words = (
                    f"##[warning]The log is beyond {LARGEST_BYTES >> 20} MiB: {self._left_out} lines left out"
                )
                file.write(f"{_stamp()} {words}\n".encode())
        for each in self._open.values():
            each.close()
        self._open.clear()


def _beginning(text: str, size_bytes: int) -> str:
    return text.encode(errors="replace")[:size_bytes].decode(errors="ignore")


def _stamp() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f") + "0Z"


def step_text(folder: Path, step: int) -> str:
    """One step's log; empty where it said nothing."""
    path = folder / f"{step}.txt"
    return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""


def job_pieces(folder: Path) -> Iterator[bytes]:
    """A job's log, step by step, a piece at a time: it may be long."""
    for number in _numbers(folder):
        with (folder / f"{number}.txt").open("rb") as file:
            yield from pieces(file)


def _numbers(folder: Path) -> list[int]:
    return sorted(int(path.stem) for path in folder.glob("*.txt") if path.stem.isdigit())


def archive(jobs: list[tuple[str, Path, dict[int, str]]]) -> IO[bytes]:
    """A run's logs in GitHub's ZIP layout.

    Args:
        jobs: Name of the job, folder of its log, names of its steps by number; in order.

    Returns:
        A file that is gone once closed: `N_job.txt` with the whole job, and `job/N_step.txt` a step.
    """
    out = tempfile.TemporaryFile()  # noqa: SIM115 - whoever reads it closes it
    taken: set[str] = set()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as whole:
        for position, (name, folder, steps) in enumerate(jobs):
            safe = _unique(file_name(name), taken)
            with whole.open(f"{position}_{safe}.txt", "w") as entry:
                for piece in job_pieces(folder):
                    entry.write(piece)
            for number in _numbers(folder):
                step = file_name(steps.get(number, f"step {number}"))
                whole.write(folder / f"{number}.txt", f"{safe}/{number}_{step}.txt")
    out.seek(0)
    return out


def _unique(name: str, taken: set[str]) -> str:
    number, result = 1, name
    while result in taken:
        number += 1
        result = f"{name} ({number})"
    taken.add(result)
    return result


def file_name(name: str) -> str:
    """A job's or step's name as GitHub puts it into the archive: without / and :, 90 UTF-16 units long."""
    plain = re.sub(r"[/:<>|*?\\\"]", "", name).strip()
    return plain.encode("utf-16-le")[:180].decode("utf-16-le", errors="ignore").rstrip()


def follow(folder: Path, sent: dict[int, int]) -> Iterator[tuple[int, str]]:
    """What has come since, step by step; *sent* keeps how far one has read."""
    for number in _numbers(folder):
        with (folder / f"{number}.txt").open("rb") as file:
            file.seek(sent.get(number, 0))
            data = file.read()
        whole = data.rfind(b"\n") + 1
        if whole:
            sent[number] = sent.get(number, 0) + whole
            yield number, data[:whole].decode(errors="replace")
