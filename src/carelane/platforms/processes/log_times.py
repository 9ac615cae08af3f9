"""When a line was printed: what a shim writes down beside each log, as it looks at it."""

from bisect import bisect_right
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True)
class Times:
    """By when a log had grown to how many bytes, both rising."""

    sizes: tuple[int, ...] = ()
    seconds: tuple[float, ...] = ()

    @classmethod
    def of(cls, log: Path) -> "Times":
        """Those of the file *log*; none where its shim is of an earlier version, or nothing can be read."""
        try:
            text = log.with_name(log.name.replace(".log", ".times")).read_text()
            pairs = [line.split() for line in text.splitlines()]
            return cls(tuple(int(size) for _, size in pairs), tuple(float(at) for at, _ in pairs))
        except (OSError, ValueError):
            return cls()

    def at(self, offset: int) -> datetime | None:
        """By when the byte at *offset* was there; None where that was not looked at yet."""
        place = bisect_right(self.sizes, offset)
        return datetime.fromtimestamp(self.seconds[place], UTC) if place < len(self.seconds) else None
