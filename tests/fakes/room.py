"""Room that is kept back, counted in parts."""

from dataclasses import dataclass


@dataclass
class FakeRoom:
    """The Room port in memory."""

    parts: int = 4

    def make(self) -> bool:
        """Give up one part."""
        if not self.parts:
            return False
        self.parts -= 1
        return True
