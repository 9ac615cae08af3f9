"""Threads that go on until they are told to end, and can be asked whether they do."""

import contextlib
import logging
import threading
import time
from collections.abc import Callable, Sequence

AFTER_FAILURE_SECONDS = 1.0
LATE_SECONDS = 120.0
"""A pass may start many jobs, or wait for git; a longer one is told."""
WATCH_EVERY_SECONDS = 1.0
_log = logging.getLogger(__name__)


class Loop:
    """Takes *step* again and again; a step waits by itself until it is due, and is told by what to end."""

    def __init__(
        self,
        name: str,
        step: Callable[[threading.Event], None],
        stopping: threading.Event,
        *,
        late_seconds: float = LATE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._step = step
        self._stopping = stopping
        self._late_seconds = late_seconds
        self._clock = clock
        self._step_since: float | None = None
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Go on in a thread of its own; where the machine gives none, the watch begins it once more."""
        self._thread = threading.Thread(target=self._run, name=self.name, daemon=True)
        with contextlib.suppress(RuntimeError):
            self._thread.start()

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._step_since = self._clock()
            try:
                self._step(self._stopping)
            except BaseException:  # noqa: BLE001 - a loop outlives every error
                self._say()
                self._stopping.wait(AFTER_FAILURE_SECONDS)

    def _say(self) -> None:
        with contextlib.suppress(BaseException):  # the log may be on the disk that is full
            _log.exception("a pass of %s failed; it is made again", self.name)

    @property
    def has_ended(self) -> bool:
        """Whether it is to go on, and does not."""
        return self._thread is not None and not self._thread.is_alive() and not self._stopping.is_set()

    def failing(self) -> str:
        """Why it does not do its work; empty where it does."""
        if self.has_ended:
            return f"{self.name} has ended"
        since = self._step_since
        if since is None or self._stopping.is_set() or self._clock() - since < self._late_seconds:
            return ""
        return f"a pass of {self.name} has not come back for {self._clock() - since:.0f} s"


class Watch:
    """Begins *loops* again that have ended."""

    def __init__(self, loops: Sequence[Loop], stopping: threading.Event) -> None:
        self._loops = (*loops, Loop("watch", self._look, stopping))

    def begin(self) -> None:
        """Begin all of them."""
        for loop in self._loops:
            loop.begin()

    def _look(self, stopping: threading.Event) -> None:
        for loop in self._loops:
            if loop.has_ended:
                loop.begin()
        stopping.wait(WATCH_EVERY_SECONDS)

    def failing(self) -> list[str]:
        """Which do not do their work, and why."""
        return [why for loop in self._loops if (why := loop.failing())]
