"""What instances printed: last lines, the run before, and what comes next."""

from dataclasses import dataclass, field
from pathlib import Path

CHUNK_BYTES = 64 << 10


@dataclass
class LogReader:
    """The logs of several instances, each line behind its instance's name."""

    files: dict[str, list[Path]]
    """By instance, its log in order: the part put aside first."""
    _read: dict[Path, int] = field(default_factory=dict)

    def has_any(self) -> bool:
        """Whether there is anything to read."""
        return any(files for files in self.files.values())

    def tail(self, count: int) -> str:
        """The last *count* lines of each instance."""
        parts = []
        for instance, files in self.files.items():
            lines: list[str] = []
            for path in reversed(files):
                size, found = _last_lines(path, count - len(lines))
                self._read[path] = size
                lines = found + lines
                if len(lines) >= count:
                    break
            parts.append(_named(instance, lines))
        return "".join(parts)

    def more(self) -> str:
        """What was printed since the last call; a log that was emptied is read from its beginning."""
        newest = [(instance, files[-1]) for instance, files in self.files.items() if files]
        return "".join(_named(instance, self._new_lines(path)) for instance, path in newest)

    def _new_lines(self, path: Path) -> list[str]:
        try:
            with path.open("rb") as file:
                size = file.seek(0, 2)
                start = self._read.get(path, 0)
                file.seek(start if start <= size else 0)
                text = file.read()
        except OSError:
            return []
        whole = text.rfind(b"\n") + 1
        self._read[path] = (start if start <= size else 0) + whole
        return text[:whole].decode(errors="replace").splitlines()


def _last_lines(path: Path, count: int) -> tuple[int, list[str]]:
    """The size read up to, and the last *count* lines; read from the end, not as a whole."""
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
        return 0, []
    lines = text.decode(errors="replace").splitlines()
    return size, lines[-count:] if count else []


def _named(instance: str, lines: list[str]) -> str:
    return "".join(f"{instance} | {line}\n" for line in lines)
