"""Time as a port: the machine's clock, the time to reckon by, and a clock that a test turns by hand."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol

UNSURE_SECONDS = 120.0
"""By how much what was last written down of the time may be behind it: it is written down once a minute."""


class Clock(Protocol):
    """Tells the time and how much of it has gone by."""

    def now(self) -> datetime:
        """The time to reckon by, in UTC: deadlines and waits are differences of it, so it never goes back."""
        ...

    def wall(self) -> datetime:
        """The time that the machine's clock shows, in UTC: for people and entries; somebody may set it."""
        ...

    def monotonic(self) -> float:
        """Seconds since some fixed moment; never goes back."""
        ...

    def sleep(self, seconds: float) -> None:
        """Let *seconds* go by."""
        ...


class RealClock:
    """The machine's clock, for what is told and not waited for."""

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)

    def wall(self) -> datetime:
        """The same."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some fixed moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Let *seconds* go by."""
        time.sleep(seconds)


def since_boot() -> float:
    """Seconds since the machine was started, those that it slept included."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@dataclass(frozen=True)
class Reckoning:
    """How the time to reckon by follows from what has gone by since the machine was started.

    *offset_seconds* is that time, as seconds since 1970, when the machine was started under the name
    *boot*; *last* is what it was when this was written down.
    """

    boot: str
    offset_seconds: float
    last: float


class SteadyClock(RealClock):
    """Goes on as the machine does, whoever sets its clock: within one boot by what has gone by since it.

    From one boot to the next by the machine's clock, but never back.
    """

    def __init__(
        self,
        boot: str,
        known: Reckoning | None = None,
        *,
        shown: Callable[[], float] = time.time,
        gone: Callable[[], float] = since_boot,
    ) -> None:
        """*known* is what an earlier server reckoned by; None where there was none."""
        self._boot = boot
        self._gone = gone
        self._shown = shown
        if known is not None and known.boot == boot:
            self._offset = known.offset_seconds
        else:
            least = known.last + UNSURE_SECONDS if known is not None and shown() < known.last else 0.0
            self._offset = max(shown(), least) - gone()

    def now(self) -> datetime:
        """The time to reckon by, in UTC."""
        return datetime.fromtimestamp(self._offset + self._gone(), UTC)

    def wall(self) -> datetime:
        """What the machine's clock shows, in UTC."""
        return datetime.fromtimestamp(self._shown(), UTC)

    def reckoning(self) -> Reckoning:
        """What the next server is to know."""
        return Reckoning(self._boot, self._offset, self._offset + self._gone())


class ManualClock:
    """A clock that moves only when told to."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._start = start
        self._set_by = timedelta()

    def now(self) -> datetime:
        """The time it was set to."""
        return self._now

    def wall(self) -> datetime:
        """The same, unless the machine's clock was set."""
        return self._now + self._set_by

    def monotonic(self) -> float:
        """Seconds since it was made."""
        return (self._now - self._start).total_seconds()

    def sleep(self, seconds: float) -> None:
        """Go by at once."""
        self.advance(seconds)

    def advance(self, seconds: float) -> None:
        """Move time forward by *seconds*."""
        self._now += timedelta(seconds=seconds)

    def set_wall(self, by_seconds: float) -> None:
        """Set the machine's clock, as somebody does: no time goes by."""
        self._set_by += timedelta(seconds=by_seconds)
