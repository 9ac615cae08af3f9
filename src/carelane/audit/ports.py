"""What the trail's readers need of whoever keeps it."""

from typing import Protocol

from carelane.audit.entries import Positioned


class Trail(Protocol):
    """The append-only log of entries, and the stream that everything after the fact follows."""

    def after(self, position: int, limit: int = 500) -> list[Positioned]:
        """The entries behind *position*, oldest first, *limit* at most."""
        ...

    def last_position(self) -> int:
        """The position of the newest entry; 0 while there is none."""
        ...

    def wait(self, position: int, timeout_seconds: float) -> bool:
        """Wait until there is an entry behind *position*; False if none came in time."""
        ...
