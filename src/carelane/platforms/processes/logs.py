"""What instances printed: last lines, the run before, and what comes next."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from carelane.base import json_files
from carelane.delivery.looking import LogLine
from carelane.platforms.processes.log_times import Times

CHUNK_BYTES = 64 << 10


@dataclass(frozen=True)
class Printed:
    """Where an instance's logs are, which version it is, and whether it has ended."""

    folder: Path
    ended: bool = False
    label: str = ""


@dataclass(frozen=True)
class _Line:
    """A line of a file, and where it begins there."""

    offset: int
    text: str


@dataclass
class FileLogReader:
    """The logs of a service.

    *look* says which instances there are now, those that have ended lately included; *shown* are those
    whose last lines are asked for.
    """

    look: Callable[[], Mapping[str, Printed]]
    shown: list[str]
    previous: bool = False
    _read: dict[str, tuple[int, int]] = field(default_factory=dict)
    """By instance, how far it was read: run, and bytes of its log."""

    def has_any(self) -> bool:
        """Whether there is anything to read."""
        there = self.look()
        return any(self._files(there[name].folder) for name in self.shown if name in there)

    def tail(self, count: int, *, go_on: bool = False, since: datetime | None = None) -> list[LogLine]:
        """The last *count* lines of each instance; a line that is not whole is left for later to *go_on*."""
        found: list[LogLine] = []
        for instance, printed in self.look().items():
            lines, whole = _tail(instance, self._files(printed.folder), count, whole_only=go_on)
            self._read[instance] = (_run(printed.folder, previous=self.previous), whole)
            if instance in self.shown:
                found += [line for line in lines if since is None or line.at is None or line.at >= since]
        return found

    def more(self) -> list[LogLine]:
        """What was printed since the last call, by new runs and new instances too."""
        return [line for name, printed in self.look().items() for line in self._new_lines(name, printed)]

    def _files(self, folder: Path) -> list[Path]:
        """The log in order: the part put aside first."""
        run = _run(folder, previous=self.previous)
        return [path for path in (folder / f"run-{run}.log.1", folder / f"run-{run}.log") if path.exists()]

    def _new_lines(self, instance: str, printed: Printed) -> list[LogLine]:
        first, offset = self._read.get(instance, (0, 0))
        runs = [run for run in _runs(printed.folder) if run >= first]
        lines: list[LogLine] = []
        for run in runs:
            over = printed.ended or run != runs[-1]
            start = offset if run == first else 0
            path = printed.folder / f"run-{run}.log"
            found, offset = _from(path, start, to_the_end=over)
            lines += _told(instance, path, found)
            self._read[instance] = (run, offset)
        return lines


def _told(instance: str, path: Path, lines: Sequence[_Line]) -> list[LogLine]:
    if not lines:
        return []  # as most looks of who follows find it
    times = Times.of(path)
    return [LogLine(instance, line.text, times.at(line.offset)) for line in lines]


def _run(folder: Path, *, previous: bool) -> int:
    status = json_files.read(folder / "status.json", {"run": int}) or {"run": 1}
    return int(status["run"]) - (1 if previous else 0)


def _runs(folder: Path) -> list[int]:
    return sorted(int(path.name[len("run-") : -len(".log")]) for path in folder.glob("run-*.log"))


def _lines(text: bytes, start: int) -> list[_Line]:
    """The lines of a part of a file that begins at *start*."""
    found, offset = [], start
    for line in text.splitlines(keepends=True):
        found.append(_Line(offset, line.rstrip(b"\r\n").decode(errors="replace")))
        offset += len(line)
    return found


def _from(path: Path, start: int, *, to_the_end: bool) -> tuple[list[_Line], int]:
    """The whole lines behind *start*, and where they end; a log that was emptied begins anew."""
    try:
        with path.open("rb") as file:
            start = start if start <= file.seek(0, 2) else 0
            file.seek(start)
            text = file.read()
    except OSError:
        return [], start
    whole = len(text) if to_the_end else text.rfind(b"\n") + 1
    return _lines(text[:whole], start), start + whole


def _tail(instance: str, files: list[Path], count: int, *, whole_only: bool) -> tuple[list[LogLine], int]:
    """The last *count* lines, and how far the last of *files* was read."""
    lines: list[LogLine] = []
    read = 0
    for path in reversed(files):
        newest = path is files[-1]
        found, whole = _last_lines(path, count - len(lines), whole_only=whole_only and newest)
        read = whole if newest else read
        lines = _told(instance, path, found) + lines
        if len(lines) >= count:
            break
    return lines, read


def _last_lines(path: Path, count: int, *, whole_only: bool) -> tuple[list[_Line], int]:
    """The last *count* lines, and the size up to which they go; read from the end, not as a whole."""
    try:
        with path.open("rb") as file:
            size = left = file.seek(0, 2)
            text = b""
            while left and text.count(b"\n") <= count:
                step = min(CHUNK_BYTES, left)
                left -= step
                file.seek(left)
                text = file.read(step) + text
    except OSError:
        return [], 0
    if whole_only:
        rest = len(text) - (text.rfind(b"\n") + 1)
        text, size = text[: len(text) - rest], size - rest
    lines = _lines(text, left)
    return lines[-count:] if count else [], size
