"""What users got, by version, read from the proxies once a second."""

import re
import threading
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from carelane.platforms.envoy.admin import Admin

KEPT_WINDOWS = 120
RATE_WINDOWS = 10
_COUNTER = re.compile(
    r"^carelane\.rq\.listener\.(?P<listener>.+?)\.route\.(?P<route>\w+)"
    r"\.version\.(?P<cluster>.*?)\.code\.(?P<code>\d+)\.flags\.(?P<flags>.*)$"
)


@dataclass(frozen=True)
class Counts:
    """Requests that ended in a window, and those of them that failed: 5xx, or cut off by our side."""

    requests: int = 0
    errors: int = 0

    def plus(self, other: "Counts") -> "Counts":
        """Both together."""
        return Counts(self.requests + other.requests, self.errors + other.errors)


@dataclass(frozen=True)
class Window:
    """What ended between two looks, by service and label."""

    at: float
    seconds: float
    counts: Mapping[tuple[str, str], Counts]


@dataclass(frozen=True)
class Rates:
    """Over the last ten windows; the ratio is None without requests: unknown is not zero."""

    requests_per_second: float
    error_ratio: float | None


class TrafficMeter:
    """Reads the proxies each second; a proxy that restarted counts from zero again, and is read so."""

    def __init__(self, admins: list[Admin]) -> None:
        self._admins = admins
        self._last: list[dict[tuple[str, str], Counts]] = [{} for _ in admins]
        self._windows: deque[Window] = deque(maxlen=KEPT_WINDOWS)
        self._ended = threading.Event()
        self._looked = time.monotonic()

    def begin(self) -> None:
        """Look once a second, from now on."""
        threading.Thread(target=self._run, name="meter", daemon=True).start()

    def end(self) -> None:
        """Stop looking."""
        self._ended.set()

    def windows(self) -> list[Window]:
        """The last two minutes, oldest first."""
        return list(self._windows)

    def rates(self, service: str) -> Rates | None:
        """How a service did over the last ten seconds; None before the first look."""
        recent = self.windows()[-RATE_WINDOWS:]
        if not recent:
            return None
        total = Counts()
        for window in recent:
            for (name, _), counts in window.counts.items():
                if name == service:
                    total = total.plus(counts)
        seconds = sum(window.seconds for window in recent)
        ratio = total.errors / total.requests if total.requests else None
        return Rates(round(total.requests / seconds, 2), ratio)

    def look(self) -> None:
        """Read every proxy and add a window."""
        now = time.monotonic()
        window: dict[tuple[str, str], Counts] = {}
        for index, admin in enumerate(self._admins):
            stats = admin.counts()
            if stats is None:
                continue
            present = _counts(stats)
            for key, counts in _difference(present, self._last[index]).items():
                window[key] = window.get(key, Counts()).plus(counts)
            self._last[index] = present
        self._windows.append(Window(now, now - self._looked, window))
        self._looked = now

    def _run(self) -> None:
        while not self._ended.wait(1.0):
            self.look()


def _counts(stats: list[dict[str, Any]]) -> dict[tuple[str, str], Counts]:
    totals: dict[tuple[str, str], Counts] = {}
    for stat in stats:
        match = _COUNTER.match(stat.get("name", ""))
        if match is None or match["route"] != "judged" or "~" not in match["cluster"]:
            continue
        service, _, label = match["cluster"].partition("~")
        value = int(stat.get("value", 0))
        failed = match["code"].startswith("5") or (match["code"].startswith("2") and match["flags"] != "-")
        key = (service, label)
        totals[key] = totals.get(key, Counts()).plus(Counts(value, value if failed else 0))
    return totals


def _difference(
    present: dict[tuple[str, str], Counts], last: dict[tuple[str, str], Counts]
) -> dict[tuple[str, str], Counts]:
    changed = {}
    for key, counts in present.items():
        before = last.get(key, Counts())
        if counts.requests < before.requests:
            before = Counts()
        changed[key] = Counts(counts.requests - before.requests, max(0, counts.errors - before.errors))
    return changed
