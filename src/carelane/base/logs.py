"""The server's own log: one line an event, tracebacks without the values of variables."""

import contextlib
import os
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import structlog

from carelane.base import private_files
from carelane.base.errors import CarelaneError

AGAIN_SECONDS = 60.0
ROTATED_EVERY_SECONDS = 5.0
MOST_KNOWN = 1000
log = structlog.get_logger()


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


class Rotation:
    """Keeps the file that this process logs to from growing without end; what it logs elsewhere is not its.

    The part before goes into ``NAME.1``. It is emptied, not renamed: other descriptors of it are open.
    """

    def __init__(self, path: Path, limit_bytes: int = 8 << 20, descriptor: int = 2) -> None:
        self._path, self._limit, self._descriptor = path, limit_bytes, descriptor

    def step(self) -> float:
        """Put the file aside where it has grown too long; the seconds until that is due again."""
        with contextlib.suppress(FileNotFoundError), self._path.open("r+b") as file:
            found = os.fstat(file.fileno())
            if found.st_size > self._limit and os.path.samestat(found, os.fstat(self._descriptor)):
                file.seek(-self._limit, os.SEEK_END)
                aside = self._path.with_name(f"{self._path.name}.1")
                with open(aside, "wb", opener=private_files.opener) as kept:
                    kept.write(file.read(self._limit))
                file.truncate(0)
        return ROTATED_EVERY_SECONDS


class Reports:
    """What failed in which part, for the log: the same once a minute, with how often it was.

    An error that is ours to expect is its sentence; a traceback is for what nobody expected.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._known: dict[tuple[str, str], tuple[float, int]] = {}
        self._one_at_a_time = threading.Lock()

    def __call__(self, part: str, error: BaseException) -> None:
        """Say it, unless that was said within the last minute."""
        what = (part, f"{type(error).__name__}: {error}")
        with self._one_at_a_time:
            said_at, since = self._known.get(what, (None, 0))
            if said_at is not None and self._clock() - said_at < AGAIN_SECONDS:
                self._known[what] = (said_at, since + 1)
                return
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[what] = (self._clock(), 0)
        more: dict[str, object] = {"times_since_it_was_last_said": since} if since else {}
        if not isinstance(error, CarelaneError):
            more["exc_info"] = error
        elif error.hint:
            more["hint"] = error.hint
        log.error("a step failed", part=part, error=str(error), **more)


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
