"""What is to run of a version: for what, and how much of it. No process is known here."""

import math
from dataclasses import dataclass
from enum import StrEnum


class Purpose(StrEnum):
    """What the copies of a version are there for.

    SERVE is the version that users have; CANARY is on trial, with users; PREVIEW on trial, without any;
    WARM runs without traffic, so that users can be back at once.
    """

    SERVE = "serve"
    CANARY = "canary"
    PREVIEW = "preview"
    WARM = "warm"


SERVING = frozenset({Purpose.SERVE, Purpose.CANARY, Purpose.PREVIEW})


@dataclass(frozen=True)
class Copies:
    """How much runs of a version: *percent* of the service's size, rounded up.

    0 is what is left but has users still: none is started, what is there goes on. What is WARM is kept, and
    not started either.
    """

    purpose: Purpose
    percent: int = 100

    @property
    def serves(self) -> bool:
        """Whether they are to take traffic, or to be ready for it beside those that do."""
        return self.purpose in SERVING

    def of(self, size: int) -> int:
        """How many of a service with *size* copies; one at least, unless none is to be started."""
        return max(1, math.ceil(size * self.percent / 100)) if self.percent and self.serves else 0
