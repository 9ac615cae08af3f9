"""What users got, by version, read from the proxies once a second: counters and latency histograms."""

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from carelane.analysis import measurements
from carelane.analysis.keeping import Recorder
from carelane.analysis.ports import Thresholds
from carelane.analysis.traffic import Counted
from carelane.delivery.observations import RatesSeen, TrafficSeen

WINDOW_SECONDS = 1.0
QUIET_WINDOW_SECONDS = 2.0
"""After a window without any request, in the whole environment."""
UNKNOWN_SECONDS = 0.2
"""While a proxy has not answered yet, as at the start: what users get until then is never known."""
HISTORY_WINDOWS = 3600
RATE_WINDOWS = 10
Key = tuple[str, str]
Bound = TypeVar("Bound", int, float)


@dataclass(frozen=True)
class Tally:
    """Requests that ended, those of them that failed (as their source has it), and how long they took.

    *milliseconds* counts requests by the lower bound of their latency bucket, *slow* those that took
    as long as each threshold or longer.
    """

    requests: int = 0
    errors: int = 0
    milliseconds: Mapping[float, int] = field(default_factory=dict)
    slow: Mapping[int, int] = field(default_factory=dict)

    def plus(self, other: "Tally") -> "Tally":
        """Both together."""
        return Tally(
            self.requests + other.requests,
            self.errors + other.errors,
            _added(self.milliseconds, other.milliseconds),
            _added(self.slow, other.slow),
        )

    def since(self, earlier: "Tally") -> "Tally":
        """What came since *earlier*; a proxy that restarted counts from zero, and is read so."""
        if self.requests < earlier.requests:
            return self
        return Tally(
            self.requests - earlier.requests,
            max(0, self.errors - earlier.errors),
            _grown(self.milliseconds, earlier.milliseconds),
            _grown(self.slow, earlier.slow),
        )

    def judged(self, slow_ms: Thresholds) -> measurements.Counts:
        """What the judge wants of it; nothing counted has more errors or slow ones than requests."""
        slow = (min(self.slow.get(round(ms or 0), 0), self.requests) for ms in slow_ms)
        return measurements.Counts(self.requests, min(self.errors, self.requests), tuple(slow))

    def quantile_ms(self, share: float) -> float | None:
        """The latency that *share* of the requests did not exceed, to the bucket; None without any."""
        total = sum(self.milliseconds.values())
        seen = 0
        for bound, count in sorted(self.milliseconds.items()):
            seen += count
            if seen >= share * total:
                return bound
        return None


def _added(one: Mapping[Bound, int], other: Mapping[Bound, int]) -> dict[Bound, int]:
    total = dict(one)
    for bound, count in other.items():
        total[bound] = total.get(bound, 0) + count
    return total


def _grown(now: Mapping[Bound, int], before: Mapping[Bound, int]) -> dict[Bound, int]:
    return {b: n - before.get(b, 0) for b, n in now.items() if n > before.get(b, 0)}


Tallies = dict[Key, Tally]
Source = Callable[[], tuple[Tallies, Tallies] | None]
"""What one proxy has counted so far: of users' requests, and of those by hand; None where it does not say."""


@dataclass(frozen=True)
class Look:
    """What ended between two looks, by the services and labels of which something did."""

    at: float
    seconds: float
    counts: Mapping[Key, Tally]


class Metering:
    """Reads the proxies, each time it is told to look; the MetricSource and Rates ports.

    *epoch* names the life of what counts: its clock and its counters begin with it.
    """

    def __init__(self, sources: Mapping[str, Source], epoch: str = "") -> None:
        """Of *sources*, by the names of their proxies."""
        self._sources = sources
        self._epoch = epoch
        self._last: dict[str, dict[Key, Tally]] = {}
        self._by_hand: dict[str, dict[Key, Tally]] = {}
        self._answered: dict[str, bool] = {}
        self._windows: deque[Look] = deque(maxlen=RATE_WINDOWS)
        self._past: deque[Look] = deque(maxlen=HISTORY_WINDOWS)
        self._began = self._looked = time.monotonic()

    def windows(self) -> list[Look]:
        """The last ten, oldest first."""
        return list(self._windows)

    def rates(self, service: str) -> RatesSeen | None:
        """How a service did over the last ten windows; None before the first look, and while nobody says."""
        recent = self.windows()
        if not recent or not any(self._answered.values()):
            return None
        total = Tally()
        for window in recent:
            for (name, _), counts in window.counts.items():
                if name == service:
                    total = total.plus(counts)
        seconds = sum(window.seconds for window in recent)
        ratio = total.errors / total.requests if total.requests else None
        return RatesSeen(round(total.requests / seconds, 2), ratio, total.quantile_ms(0.95))

    def look(self) -> float:
        """Read every proxy and add a window; the seconds until the next is due."""
        now = time.monotonic()
        window: dict[Key, Tally] = {}
        for name, source in self._sources.items():
            counted = source()
            self._answered[name] = counted is not None
            if counted is None:
                continue
            present, self._by_hand[name] = counted
            last = self._last.get(name)
            # Proxies outlive the server: their first numbers are where it begins.
            for key, counts in present.items() if last is not None else ():
                new = counts.since(last.get(key, Tally()) if last else Tally())
                if new.requests:  # a label that ever was has counters for an hour: most have nothing new
                    window[key] = window.get(key, Tally()).plus(new)
            self._last[name] = present
        self._windows.append(Look(now, now - self._looked, window))
        if window:
            slim = {key: replace(counts, milliseconds={}) for key, counts in window.items()}
            self._past.append(Look(now, now - self._looked, slim))
        self._looked = now
        if not all(name in self._last for name in self._sources):
            return UNKNOWN_SECONDS
        return WINDOW_SECONDS if window else QUIET_WINDOW_SECONDS

    def lately(self, service: str, label: str) -> TrafficSeen:
        """What users had of *label* in the last hour, less if this server is younger."""
        since = max(self._began, self._looked - HISTORY_WINDOWS * WINDOW_SECONDS)
        total = Tally()
        for past in list(self._past):
            if past.at > since and (counts := past.counts.get((service, label))) is not None:
                total = total.plus(counts)
        return TrafficSeen(self._looked - since if self._last else 0.0, total.requests, total.errors)

    # -- for the judge

    def readings(
        self, service: str, stable: str, canary: str, slow_ms: Thresholds, *, preview: bool = False
    ) -> dict[str, measurements.Reading]:
        """Each proxy's counters, as of the last look; a counter that is not there yet stands at zero."""
        on_trial = self._by_hand if preview else self._last
        return {
            name: measurements.Reading(
                self._looked,
                self._last.get(name, {}).get((service, stable), Tally()).judged(slow_ms),
                on_trial.get(name, {}).get((service, canary), Tally()).judged(slow_ms),
                reachable=self._answered.get(name, False),
                epoch=self._epoch,
            )
            for name in self._sources
        }

    def history(self, service: str, label: str, slow_ms: Thresholds) -> tuple[measurements.Window, ...]:
        """How *label* did, in up to an hour of seconds with requests, since this server runs."""
        none = Tally().judged(slow_ms)
        return tuple(
            measurements.Window(past.at - past.seconds, past.at, counts.judged(slow_ms), none)
            for past in list(self._past)
            if (counts := past.counts.get((service, label))) is not None and counts.requests
        )


class RecordedMeter:
    """Metering whose windows are kept; *thresholds_ms* are those of slow requests that it counts."""

    def __init__(self, meter: Metering, recorder: Recorder, thresholds_ms: tuple[int, ...]) -> None:
        self._meter = meter
        self._recorder = recorder
        self._thresholds_ms = thresholds_ms

    def look(self) -> float:
        """Let the meter look, and note what it saw; the seconds until the next look is due."""
        pause = self._meter.look()
        window = self._meter.windows()[-1]
        counts = {version: self._counted(counts) for version, counts in window.counts.items()}
        self._recorder.note(counts, window.seconds)
        return pause

    def _counted(self, counts: Tally) -> Counted:
        """A proxy has no counter of what never happened: of what it counts, that is none."""
        slow = {ms: counts.slow.get(ms, 0) for ms in self._thresholds_ms}
        return Counted(counts.requests, counts.errors, slow)
