"""The trail as a list."""

import threading

from carelane.audit.entries import Entry, Positioned


class InMemoryTrail:
    """The Trail port in memory."""

    def __init__(self) -> None:
        self._entries: list[Entry] = []
        self._grown = threading.Condition()

    def append(self, entries: tuple[Entry, ...]) -> None:
        """Add *entries*, and wake who waits."""
        with self._grown:
            self._entries += entries
            self._grown.notify_all()

    def after(self, position: int, limit: int = 500) -> list[Positioned]:
        """The entries behind *position*."""
        found = self._entries[position : position + limit]
        return [Positioned(number, entry) for number, entry in enumerate(found, position + 1)]

    def last_position(self) -> int:
        """The position of the newest."""
        return len(self._entries)

    def wait(self, position: int, timeout_seconds: float) -> bool:
        """Wait for more."""
        with self._grown:
            return self._grown.wait_for(lambda: len(self._entries) > position, timeout_seconds)
