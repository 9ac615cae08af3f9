"""Counting what users saw: once for the whole run, and second by second."""

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from traffic.clients import Outcome

_QUANTILES = {"p50": 0.50, "p90": 0.90, "p95": 0.95, "p99": 0.99, "p99.9": 0.999, "max": 1.0}
_FIRST_ERROR_STATUS = 500
NOBODY = "(none)"


@dataclass
class Tally:
    """Counts of the outcomes added so far."""

    answered: Counter[tuple[str, str]] = field(default_factory=Counter)
    lost: Counter[str] = field(default_factory=Counter)
    retried: int = 0
    steps: Counter[str] = field(default_factory=Counter)
    seconds: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def add(self, outcome: Outcome) -> None:
        """Count one outcome; a lost one takes part in latency too, for its user waited."""
        version = outcome.version or NOBODY
        if outcome.status is not None:
            self.answered[version, str(outcome.status)] += 1
        if outcome.lost:
            self.lost[outcome.lost] += 1
        self.retried += outcome.retried
        self.steps[outcome.step] += 1
        self.seconds[version].append(outcome.seconds)

    def by_version(self) -> dict[str, dict[str, int]]:
        """Answers by version, then by status."""
        counts: dict[str, dict[str, int]] = {}
        for (version, status), count in sorted(self.answered.items()):
            counts.setdefault(version, {})[status] = count
        return counts

    def line(self, second: int, in_flight: int) -> dict[str, Any]:
        """The line of progress for one second."""
        latency = quantiles([value for values in self.seconds.values() for value in values])
        return {
            "second": second,
            "versions": self.by_version(),
            "lost": self.lost.total(),
            "retried": self.retried,
            "in_flight": in_flight,
            "latency_ms": {name: latency[name] for name in ("p50", "p95", "max") if latency},
        }

    def report(self) -> dict[str, Any]:
        """Everything, for people and machines."""
        statuses: Counter[str] = Counter()
        for (_, status), count in self.answered.items():
            statuses[status] += count
        return {
            "requests": sum(len(values) for values in self.seconds.values()),
            "lost": self.lost.total(),
            "lost_by_reason": dict(sorted(self.lost.items())),
            "retried": self.retried,
            "statuses": dict(sorted(statuses.items())),
            "latency_ms": quantiles([value for values in self.seconds.values() for value in values]),
            "versions": {version: self._version(version, counts) for version, counts in self.by_version().items()},
            "steps": dict(sorted(self.steps.items())),
        }

    def _version(self, version: str, counts: dict[str, int]) -> dict[str, Any]:
        requests = sum(counts.values())
        failed = sum(count for status, count in counts.items() if int(status) >= _FIRST_ERROR_STATUS)
        return {
            "requests": requests,
            "statuses": counts,
            "error_ratio": round(failed / requests, 5),
            "latency_ms": quantiles(self.seconds[version]),
        }


def quantiles(seconds: Sequence[float]) -> dict[str, float]:
    """Quantiles of *seconds*, in milliseconds: the smallest value that the share does not exceed; {} of nothing."""
    ordered = sorted(seconds)
    if not ordered:
        return {}
    places = {name: max(-int(-share * len(ordered) // 1), 1) - 1 for name, share in _QUANTILES.items()}
    return {name: round(ordered[place] * 1000, 2) for name, place in places.items()}
