"""What the trail's readers need of whoever keeps it."""

from datetime import datetime
from typing import Protocol

from carelane.audit.entries import Positioned
from carelane.audit.telling import Pending


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


class Queue(Protocol):
    """What is to be told, kept across restarts."""

    def position(self) -> int:
        """How far the trail was read; from its end where that was never said."""
        ...

    def enqueue(self, upto: int, told: list[tuple[int, str]], now: datetime) -> None:
        """Note that the trail was read up to *upto*, and who is to be told which position: one act."""
        ...

    def due(self, now: datetime) -> list[Pending]:
        """What is to be tried now, oldest first."""
        ...

    def settle(self, number: int, *, done: bool, problem: str, due_at: datetime) -> None:
        """Write down how an attempt went; not *done* means again at *due_at*."""
        ...


class Sender(Protocol):
    """Takes a message to a destination."""

    def send(self, destination: str, title: str, body: str) -> str:
        """Send it; what went wrong, or nothing."""
        ...
