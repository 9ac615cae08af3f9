"""What a web service tells about itself: Prometheus metrics from a registry of its own."""

import math
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

_BUCKETS_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 0.8, 1.0, 2.0, 5.0, 10.0)
_WINDOW_SECONDS = 60
_FIRST_ERROR_STATUS = 500


class LastMinute:
    """Requests, errors and time spent over the last minute, in buckets of one second."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Count by *clock*, in seconds."""
        self._clock = clock
        self._started = clock()
        self._buckets: dict[int, list[float]] = {}

    def add(self, seconds: float, *, failed: bool) -> None:
        """Count one request that took *seconds*."""
        second = math.floor(self._clock())
        bucket = self._buckets.get(second)
        if bucket is None:
            self._forget(second)
            bucket = self._buckets.setdefault(second, [0.0, 0.0, 0.0])
        bucket[0] += 1
        bucket[1] += failed
        bucket[2] += seconds

    def response_time_seconds(self) -> float:
        """The mean time to answer; 0 without requests."""
        requests, _, spent = self._totals()
        return spent / requests if requests else 0.0

    def error_rate_ratio(self) -> float:
        """The share of requests answered with 5xx, 0.0..1.0; 0 without requests."""
        requests, failed, _ = self._totals()
        return failed / requests if requests else 0.0

    def throughput_per_second(self) -> float:
        """Requests a second; over the time since the start where that is shorter than the window."""
        age = self._clock() - self._started
        return self._totals()[0] / min(max(age, 1.0), _WINDOW_SECONDS)

    def _totals(self) -> tuple[float, float, float]:
        self._forget(math.floor(self._clock()))
        buckets = self._buckets.values()
        return sum(b[0] for b in buckets), sum(b[1] for b in buckets), sum(b[2] for b in buckets)

    def _forget(self, now_second: int) -> None:
        for second in [second for second in self._buckets if second <= now_second - _WINDOW_SECONDS]:
            del self._buckets[second]


class Measurements:
    """The metrics of one process."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        """Start with empty metrics."""
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._durations = Histogram(
            "http_request_duration_seconds",
            "Time to answer, by route template.",
            ("method", "route"),
            buckets=_BUCKETS_SECONDS,
            registry=self.registry,
        )
        self._requests = Counter(
            "http_requests",
            "Requests answered, by route template and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self.in_progress = Gauge("http_requests_in_progress", "Requests being answered now.", registry=self.registry)
        self.last_minute = LastMinute(clock)
        self._publish_last_minute()

    def _publish_last_minute(self) -> None:
        window = self.last_minute
        for name, text, read in (
            ("response_time_seconds", "Mean time to answer over the last minute.", window.response_time_seconds),
            ("error_rate_ratio", "Share of 5xx answers over the last minute.", window.error_rate_ratio),
            ("throughput_requests_per_second", "Requests over the last minute.", window.throughput_per_second),
        ):
            Gauge(f"healthcare_{name}", text, registry=self.registry).set_function(read)

    def add(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one answered request."""
        self._durations.labels(method, route).observe(seconds)
        self._requests.labels(method, route, status).inc()
        self.last_minute.add(seconds, failed=status >= _FIRST_ERROR_STATUS)

    def render(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry)
