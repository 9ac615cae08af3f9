"""The MetricSource port: in memory, over proxies, and with what was kept before."""

import time
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from carelane.analysis.keeping import KeptHistory
from carelane.analysis.ports import MetricSource
from carelane.analysis.traffic import Bucket, Counted
from carelane.base.clock import ManualClock
from carelane.platforms.envoy.admin import Admin
from carelane.platforms.envoy.meter import TrafficMeter
from tests.contract.metric_source import SLOW, Bench, MetricSourceContract
from tests.fakes.metrics import FakeMetrics
from tests.fakes.traffic import InMemoryTrafficStore


class Nobody:
    """Nobody has any traffic by weight."""

    def weights(self, service: str) -> dict[str, int]:
        """One, so that the sum is none of zero."""
        return {service: 1}


class TestFakeMetrics(MetricSourceContract):
    @pytest.fixture
    def bench(self) -> Bench:
        metrics = FakeMetrics(ManualClock(), Nobody())

        def serve(
            label: str, requests: int, errors: int = 0, *, service: str = "backend", preview: bool = False
        ) -> None:
            metrics.clock.advance(1.0)
            known = metrics.totals.setdefault((service, f"{label}*" if preview else label), [0.0, 0.0])
            known[0] += requests
            known[1] += errors

        def silence() -> None:
            metrics.reachable = False

        return Bench(metrics, serve, silence)


@dataclass
class Proxy(Admin):
    """A proxy that has counted what it is told."""

    counters: dict[str, int] = field(default_factory=dict)
    silent: bool = False

    def counts(self) -> list[dict[str, object]] | None:
        """As Envoy's statistics have them."""
        return None if self.silent else [{"name": n, "value": v} for n, v in self.counters.items()]


def over_proxies() -> tuple[TrafficMeter, Bench]:
    """A meter of two proxies, each of which gets every other request."""
    proxies = [Proxy(), Proxy()]
    meter = TrafficMeter({f"proxy-{number}": proxy for number, proxy in enumerate(proxies)}, "a life")
    meter.look()

    def serve(
        label: str, requests: int, errors: int = 0, *, service: str = "backend", preview: bool = False
    ) -> None:
        route = "hand" if preview else "judged"
        for number, proxy in enumerate(proxies):
            for code, count in ((200, requests - errors), (500, errors)):
                mine = count // 2 + (count % 2 if number == 0 else 0)
                version = f"version.{service}~{label}.code.{code}.flags.-"
                name = f"carelane.rq.listener.@front.route.{route}.{version}"
                if mine:
                    proxy.counters[name] = proxy.counters.get(name, 0) + mine
        meter.look()

    def silence() -> None:
        proxies[1].silent = True

    return meter, Bench(meter, serve, silence)


class TestTrafficMeter(MetricSourceContract):
    @pytest.fixture
    def bench(self) -> Bench:
        return over_proxies()[1]

    def test_history_is_of_the_version_and_the_service_alone(self, bench: Bench) -> None:
        bench.serve("v1", 10)
        bench.serve("v2", 5)
        assert len(bench.source.history("backend", "v1", SLOW)) == 1
        assert bench.source.history("backend", "v3", SLOW) == ()
        assert bench.source.history("search", "v1", SLOW) == ()


class TestKeptHistory(MetricSourceContract):
    @pytest.fixture
    def bench(self) -> Bench:
        meter, inner = over_proxies()
        return Bench(kept_over(meter), inner.serve, inner.silence)

    def test_hours_that_were_kept_come_before_what_the_source_has(self, bench: Bench) -> None:
        bench.serve("v1", 10)
        windows = bench.source.history("backend", "v1", SLOW)
        counted = [w.stable.requests for w in windows if w.stable is not None]
        assert counted == [500, 10]


def kept_over(source: MetricSource) -> MetricSource:
    """*source*, with a bucket of an hour ago in the store."""
    clock, store = Now(), InMemoryTrafficStore()
    began = clock.now() - timedelta(hours=1)
    store.add("production", Bucket(began, 10.0, {("backend", "v1"): Counted(500, 1, {800: 0})}))
    return KeptHistory(source, store, "production", clock)


class Now(ManualClock):
    """The meter's own time, with a day that a test may know."""

    def monotonic(self) -> float:
        """As the meter reads it."""
        return time.monotonic()
