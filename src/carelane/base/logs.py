"""The server's own log: one line an event, tracebacks without the values of variables."""

import sys
from typing import TextIO

import structlog


class LenientFile:
    """A text file that is never the reason why what is logged fails.

    A full disk or a reader that left (`carelane up | head -1`) loses lines; how many is said once the
    next can be written.
    """

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._lost = 0

    def write(self, text: str) -> int:
        """Write *text* if that can be done."""
        said = f"{self._lost} lines of this log could not be written\n{text}" if self._lost else text
        try:
            self._file.write(said)
            self._file.flush()
        except (OSError, ValueError):  # ValueError: it was closed
            self._lost += text.count("\n") or 1
        else:
            self._lost = 0
        return len(text)

    def flush(self) -> None:
        """Each line is written at once."""


def configure() -> None:
    """Log to standard error; locals stay out of it, for they may hold secrets."""
    structlog.configure(
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            structlog.processors.KeyValueRenderer(key_order=["timestamp", "level", "event"]),
        ],
        logger_factory=structlog.WriteLoggerFactory(LenientFile(sys.stderr)),  # type: ignore[arg-type]  # all that it uses
    )
