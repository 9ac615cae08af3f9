"""A shelf of things with an age."""

from collections.abc import Sequence
from datetime import datetime

from carelane.base.errors import PlatformError
from carelane.delivery.retention import Kept, Spare


class FakeShelf:
    """The Shelf port in memory: things by name, and when each was made."""

    def __init__(self, things: dict[str, datetime], name: str = "things") -> None:
        self.name = name
        self.things = things
        self.stuck: set[str] = set()
        self.looked: list[Kept] = []

    def spare(self, kept: Kept) -> Sequence[Spare]:
        """What is older than is kept."""
        self.looked.append(kept)
        return [Spare(self.name, "thing", n, 10) for n, at in sorted(self.things.items()) if at < kept.since]

    def remove(self, spare: Spare) -> None:
        """Remove it, unless it is stuck."""
        if spare.name in self.stuck:
            raise PlatformError(f"{spare.name} is stuck")
        self.things.pop(spare.name, None)
