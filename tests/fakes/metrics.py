"""Counters that grow as users come: by the weights in force, at the error ratios a test lays down."""

from dataclasses import dataclass, field
from typing import Protocol

from carelane.analysis.measurements import Counts, Reading, Window
from carelane.base.clock import ManualClock


class Weighing(Protocol):
    """Who knows how the traffic is shared."""

    def weights(self, service: str) -> dict[str, int]:
        """The weight of each label of *service* that has any."""
        ...


@dataclass
class FakeMetrics:
    """The MetricSource port in memory; every hundredth request is exact, there is no chance in it."""

    clock: ManualClock
    router: Weighing
    requests_per_second: float = 0.0
    previews_per_second: float = 0.0
    error_ratios: dict[tuple[str, str] | str, float] = field(default_factory=dict)
    """By service and label, or by label alone; none where it is not named."""
    past: tuple[Window, ...] = ()
    reachable: bool = True
    look_seconds: float = 0.0
    """How old a reading may be, of one service: a source is looked at now and then."""
    totals: dict[tuple[str, str], list[float]] = field(default_factory=dict)
    _looked_at: float | None = None
    _readings: dict[str, Reading] = field(default_factory=dict)
    _since: dict[str, float] = field(default_factory=dict)

    def readings(
        self,
        service: str,
        stable: str,
        canary: str,
        slow_ms: tuple[float | None, ...],
        *,
        preview: bool = False,
    ) -> dict[str, Reading]:
        """The counters now; those of a preview under its label and an asterisk."""
        now = self.clock.monotonic()
        if self._looked_at is not None and now - self._looked_at < self.look_seconds:
            return self._readings
        self._grow(service, f"{canary}*")
        on_trial = f"{canary}*" if preview else canary
        before, after = (self._counts(service, label, len(slow_ms)) for label in (stable, on_trial))
        self._looked_at, self._readings = now, {"proxy-1": Reading(now, before, after, self.reachable)}
        return self._readings

    def history(self, service: str, label: str, slow_ms: tuple[float | None, ...]) -> tuple[Window, ...]:
        """What a test laid down."""
        del service, label, slow_ms
        return self.past

    def _grow(self, service: str, preview: str) -> None:
        now = self.clock.monotonic()
        seconds = now - self._since.get(service, now)
        self._since[service] = now
        weights = self.router.weights(service)
        if not any(weights.values()):
            return  # nobody has users
        each = self.requests_per_second / sum(weights.values())
        rates = {label: each * weight for label, weight in weights.items()}
        for label, rate in {**rates, preview: self.previews_per_second}.items():
            total = self.totals.setdefault((service, label), [0.0, 0.0])
            requests = rate * seconds
            total[0] += requests
            ratio = self.error_ratios.get((service, label), self.error_ratios.get(label, 0.0))
            total[1] += requests * ratio

    def _counts(self, service: str, label: str, thresholds: int) -> Counts:
        requests, errors = self.totals.get((service, label), [0.0, 0.0])
        return Counts(int(requests), min(int(errors), int(requests)), (0,) * thresholds)
