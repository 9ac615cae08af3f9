"""Counters that grow as users come: by the weights in force, at the error ratios a test lays down."""

from dataclasses import dataclass, field

from carelane.analysis.measurements import Counts, Reading, Window
from carelane.base.clock import ManualClock
from tests.fakes.router import FakeRouter


@dataclass
class FakeMetrics:
    """The MetricSource port in memory; every hundredth request is exact, there is no chance in it."""

    clock: ManualClock
    router: FakeRouter
    requests_per_second: float = 0.0
    error_ratios: dict[tuple[str, str] | str, float] = field(default_factory=dict)
    """By service and label, or by label alone; none where it is not named."""
    past: tuple[Window, ...] = ()
    reachable: bool = True
    totals: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    _since: dict[str, float] = field(default_factory=dict)

    def readings(
        self, service: str, stable: str, canary: str, slow_ms: tuple[float | None, ...]
    ) -> list[Reading]:
        """The counters now."""
        self._grow(service)
        now = self.clock.monotonic()
        before, after = (self._counts(service, label, len(slow_ms)) for label in (stable, canary))
        return [Reading(now, before, after, self.reachable)]

    def history(self, service: str, label: str, slow_ms: tuple[float | None, ...]) -> tuple[Window, ...]:
        """What a test laid down."""
        del service, label, slow_ms
        return self.past

    def _grow(self, service: str) -> None:
        now = self.clock.monotonic()
        seconds = now - self._since.get(service, now)
        self._since[service] = now
        weights = self.router.weights(service)
        for label, weight in weights.items():
            total = self.totals.setdefault((service, label), [0.0, 0.0])
            requests = self.requests_per_second * seconds * weight / sum(weights.values())
            total[0] += requests
            ratio = self.error_ratios.get((service, label), self.error_ratios.get(label, 0.0))
            total[1] += requests * ratio

    def _counts(self, service: str, label: str, thresholds: int) -> Counts:
        requests, errors = self.totals.get((service, label), [0.0, 0.0])
        return Counts(int(requests), min(int(errors), int(requests)), (0,) * thresholds)
