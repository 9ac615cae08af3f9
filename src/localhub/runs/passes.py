"""What one pass over a run works with."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from localhub.runs.contexts import Around
from localhub.runs.frames import Read


@dataclass(frozen=True)
class Pass:
    """What one pass works with."""

    read: Read
    now: datetime
    next_id: Callable[[str], int]
    around: Around
