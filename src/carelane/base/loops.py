"""A step taken again and again, in a thread of its own, whatever happens in it; and who looks after that."""

import contextlib
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

Report = Callable[[str, BaseException], None]
AFTER_ERROR_SECONDS = 1.0
LATE_SECONDS = 60.0
"""A step may wait for a database that starts, or for a dozen answers that do not come."""
FAILING_AFTER = 3
"""Steps in a row that fail before that is told: one that failed is taken again a second later."""
WATCH_EVERY_SECONDS = 1.0


@dataclass(frozen=True)
class Failing:
    """A part that does not do its work, and why."""

    part: str
    why: str


class Loop:
    """Takes *step* until stopped; it returns the seconds until it is due again, or is woken sooner.

    An error is reported under *name* and ends nothing, nor does a report that fails. A step that has not
    come back for *late_seconds* is failing: it cannot be ended, but it can be told.
    """

    def __init__(
        self,
        name: str,
        step: Callable[[], float],
        report: Report,
        *,
        late_seconds: float = LATE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name = name
        self._step = step
        self._report = report
        self._late_seconds = late_seconds
        self._clock = clock
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None
        self._step_since: float | None = None
        self._failed_in_a_row = 0
        self._last_error = ""

    def begin(self) -> None:
        """Go on in a thread of its own, which ends with the program.

        Where the machine gives no thread that is reported, and `failing` says so: it is begun once more
        by whoever watches.
        """
        self._step_since = None
        self._thread = threading.Thread(target=self.run, name=self.name, daemon=True)
        try:
            self._thread.start()
        except RuntimeError as error:
            self._tell(error)

    def run(self) -> None:
        """Go on in this thread, until stopped."""
        while not self._stopped.is_set():
            try:
                self._woken.clear()
                pause = self._taken()
                self._woken.wait(0.0 if self._stopped.is_set() else pause)
            except BaseException as error:  # noqa: BLE001 - a loop outlives every error, SystemExit too
                self._tell(error)
                self._stopped.wait(AFTER_ERROR_SECONDS)

    def _taken(self) -> float:
        self._step_since = self._clock()
        try:
            pause = self._step()
        except BaseException as error:  # noqa: BLE001 - as above
            self._failed_in_a_row += 1
            self._last_error = f"{type(error).__name__}: {error}"
            self._tell(error)
            return AFTER_ERROR_SECONDS
        finally:
            self._step_since = None
        self._failed_in_a_row = 0
        return pause

    def _tell(self, error: BaseException) -> None:
        with contextlib.suppress(BaseException):  # a full disk, or nobody who listens any more
            self._report(self.name, error)

    def wake(self) -> None:
        """Take the next step now."""
        self._woken.set()

    def stop(self, timeout_seconds: float = 0.0) -> None:
        """End after the step under way; wait for that, *timeout_seconds* at most."""
        self._stopped.set()
        self._woken.set()
        if self._thread is not None and self._thread.is_alive() and timeout_seconds:
            self._thread.join(timeout_seconds)

    @property
    def has_ended(self) -> bool:
        """Whether it is to go on, and does not."""
        return self._thread is not None and not self._thread.is_alive() and not self._stopped.is_set()

    def failing(self) -> Failing | None:
        """Why it does not do its work; None where it does, was not begun, or was stopped."""
        if self._thread is None or self._stopped.is_set():
            return None
        if self.has_ended:
            return Failing(self.name, "its loop has ended, and is begun again")
        since = self._step_since
        if since is not None and (lasted := self._clock() - since) >= self._late_seconds:
            return Failing(self.name, f"its step has not come back for {lasted:.0f} s")
        if self._failed_in_a_row >= FAILING_AFTER:
            return Failing(self.name, f"its last {self._failed_in_a_row} steps failed: {self._last_error}")
        return None


class Watchdog:
    """Looks after *loops*: what has ended is begun again, what fails can be asked."""

    def __init__(self, loops: Sequence[Loop], report: Report) -> None:
        self._report = report
        self._loop = Loop("watchdog", self.look, report)
        self._loops = (*loops, self._loop)

    def begin(self) -> None:
        """Begin all of them, and the looking."""
        for loop in self._loops:
            loop.begin()

    def look(self) -> float:
        """Begin again what has ended; the seconds until that is due again."""
        for loop in self._loops:
            if loop.has_ended:
                self._report(loop.name, RuntimeError("the loop had ended: it is begun again"))
                loop.begin()
        return WATCH_EVERY_SECONDS

    def failing(self) -> list[Failing]:
        """Which do not do their work; who asks begins the watchdog itself again."""
        found = [failing for loop in self._loops if (failing := loop.failing()) is not None]
        if self._loop.has_ended:
            self._loop.begin()
        return found

    def stop(self, timeout_seconds: float) -> None:
        """End all of them after their steps under way; wait for each, *timeout_seconds* at most."""
        for loop in reversed(self._loops):
            loop.stop()
        for loop in self._loops:
            loop.stop(timeout_seconds)
