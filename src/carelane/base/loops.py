"""A step taken again and again, in a thread of its own, whatever happens in it."""

import threading
from collections.abc import Callable

Report = Callable[[str, Exception], None]
AFTER_ERROR_SECONDS = 1.0


class Loop:
    """Takes *step* until stopped; it returns the seconds until it is due again, or is woken sooner.

    An error is reported under *name* and ends nothing.
    """

    def __init__(self, name: str, step: Callable[[], float], report: Report) -> None:
        self._name = name
        self._step = step
        self._report = report
        self._woken = threading.Event()
        self._stopped = threading.Event()
        self._thread: threading.Thread | None = None

    def begin(self) -> None:
        """Go on in a thread of its own, which ends with the program."""
        self._thread = threading.Thread(target=self.run, name=self._name, daemon=True)
        self._thread.start()

    def run(self) -> None:
        """Go on in this thread, until stopped."""
        while not self._stopped.is_set():
            self._woken.clear()
            try:
                pause = self._step()
            except Exception as error:  # noqa: BLE001 - a loop outlives every error
                self._report(self._name, error)
                pause = AFTER_ERROR_SECONDS
            self._woken.wait(0.0 if self._stopped.is_set() else pause)

    def wake(self) -> None:
        """Take the next step now."""
        self._woken.set()

    def stop(self, timeout_seconds: float = 0.0) -> None:
        """End after the step under way; wait for that, *timeout_seconds* at most."""
        self._stopped.set()
        self._woken.set()
        if self._thread is not None and timeout_seconds:
            self._thread.join(timeout_seconds)
