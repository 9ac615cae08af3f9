"""What users got, by version, read from the proxies once a second: counters and latency histograms."""

import re
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from carelane.analysis import measurements
from carelane.analysis.ports import Thresholds
from carelane.delivery.observations import RatesSeen, TrafficSeen
from carelane.platforms.envoy.admin import Admin

WINDOW_SECONDS = 1.0
QUIET_WINDOW_SECONDS = 2.0
"""After a window without any request, in the whole environment."""
UNKNOWN_SECONDS = 0.2
"""While a proxy has not answered yet, as at the start: what users get until then is never known."""
HISTORY_WINDOWS = 3600
RATE_WINDOWS = 10
BY_USERS, BY_HAND = "judged", "hand"
"""The names of the routes: of who is drawn to a version, and of who asked for one."""
_COUNTER = re.compile(
    r"^carelane\.rq\.listener\..+?\.route\.(?P<route>judged|hand)"
    r"\.version\.(?P<service>[^~]+)~(?P<label>.*?)\.code\.(?P<code>\d+)\.flags\.(?P<flags>.*)$"
)
_SLOW = re.compile(
    r"^carelane\.slow_(?P<ms>\d+)\.listener\..+?\.route\.(?P<route>judged|hand)"
    r"\.version\.(?P<service>[^~]+)~(?P<label>.*)$"
)
_HISTOGRAM = re.compile(
    r"^carelane\.ms\.listener\..+?\.route\.(?P<route>judged|hand)"
    r"\.version\.(?P<service>[^~]+)~(?P<label>.*)$"
)
Key = tuple[str, str]
Bound = TypeVar("Bound", int, float)


@dataclass(frozen=True)
class Tally:
    """Requests that ended, those of them that failed (see `_failed`), and how long they took.

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


@dataclass(frozen=True)
class Look:
    """What ended between two looks, by the services and labels of which something did."""

    at: float
    seconds: float
    counts: Mapping[Key, Tally]


class TrafficMeter:
    """Reads the proxies, each time it is told to look; the MetricSource port too.

    *epoch* names the life of this machine: its clock and its proxies' counters begin with it.
    """

    def __init__(self, admins: Mapping[str, Admin], epoch: str = "") -> None:
        """Of *admins*, by the names of their proxies."""
        self._admins = admins
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
        """How a service did over the last ten windows; None before the first look."""
        recent = self.windows()
        if not recent:
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
        for name, admin in self._admins.items():
            stats = admin.counts()
            self._answered[name] = stats is not None
            if stats is None:
                continue
            present, self._by_hand[name] = read(stats)
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
        if not all(name in self._last for name in self._admins):
            return UNKNOWN_SECONDS
        return WINDOW_SECONDS if window else QUIET_WINDOW_SECONDS

    def lately(self, service: str, label: str) -> TrafficSeen:
        """What users had of *label* in the last hour, less if this server is younger."""
        since = max(self._began, self._looked - HISTORY_WINDOWS * WINDOW_SECONDS)
        total = Tally()
        for past in list(self._past):
            if past.at > since and (counts := past.counts.get((service, label))) is not None:
                total = total.plus(counts)
        return TrafficSeen(self._looked - since, total.requests, total.errors)

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
            for name in self._admins
        }

    def history(self, service: str, label: str, slow_ms: Thresholds) -> tuple[measurements.Window, ...]:
        """How *label* did, in up to an hour of seconds with requests, since this server runs."""
        none = Tally().judged(slow_ms)
        return tuple(
            measurements.Window(past.at - past.seconds, past.at, counts.judged(slow_ms), none)
            for past in list(self._past)
            if (counts := past.counts.get((service, label))) is not None and counts.requests
        )


def read(stats: list[dict[str, Any]]) -> tuple[dict[Key, Tally], dict[Key, Tally]]:
    """A proxy's own totals, from its stats document: of users' requests, and of those by hand."""
    totals: dict[str, dict[Key, Tally]] = {BY_USERS: {}, BY_HAND: {}}
    for stat in stats:
        name = stat.get("name", "")
        if "histograms" in stat:
            for histogram in stat["histograms"].get("details", []):
                buckets = {float(b["lower_bound"]): int(b["count"]) for b in histogram.get("totals", [])}
                _add(totals, _HISTOGRAM.match(histogram["name"]), Tally(milliseconds=buckets))
        elif (match := _SLOW.match(name)) is not None:
            _add(totals, match, Tally(slow={int(match["ms"]): int(stat.get("value", 0))}))
        elif (match := _COUNTER.match(name)) is not None:
            value = int(stat.get("value", 0))
            failed = _failed(match["code"], match["flags"])
            _add(totals, match, Tally(value, value if failed else 0))
    return totals[BY_USERS], totals[BY_HAND]


def _add(totals: dict[str, dict[Key, Tally]], match: re.Match[str] | None, counts: Tally) -> None:
    if match is not None:
        of_route, key = totals[match["route"]], (match["service"], match["label"])
        of_route[key] = of_route.get(key, Tally()).plus(counts)


def _failed(code: str, flags: str) -> bool:
    """Whether a user got no answer (code 0), one that says so (5xx), or one that our side cut off.

    Who waits in vain and leaves has no code: else a canary that hangs would fail nobody. Impatient users
    leave both versions alike. Who leaves in the middle of an answer (DC) was being served. An upgraded
    connection (101) was answered: whether its service said goodbye or died looks the same from here (UC).
    """
    cut = code.startswith("2") and flags not in {"-", "DC"}
    return cut or code == "0" or code.startswith("5")
