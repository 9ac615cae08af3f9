"""The MetricSource port: in memory, over proxies, and with what was kept before."""

import time
from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from carelane.analysis.keeping import KeptHistory
from carelane.analysis.ports import MetricSource
from carelane.analysis.traffic import Bucket, Counted
from carelane.base.clock import ManualClock
from carelane.delivery.metering import Metering
from carelane.platforms.envoy.admin import Admin
from carelane.platforms.envoy.meter import TrafficMeter
from carelane.platforms.kubernetes.counting import GatewayCounters
from carelane.platforms.kubernetes.slots import Slot, SlotSeen
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


class Gateway:
    """An Envoy that tells Prometheus what it has counted, by the slots' Services."""

    def __init__(self) -> None:
        self.counted: dict[tuple[str, str], int] = {}
        self.silent = False

    def serve(self, name: str, code_class: str, count: int) -> None:
        """So many more answers."""
        self.counted[name, code_class] = self.counted.get((name, code_class), 0) + count

    def tell(self) -> str | None:
        """As its statistics read."""
        if self.silent:
            return None
        kind = "# TYPE envoy_cluster_upstream_rq_xx counter"
        lines = [
            f'envoy_cluster_upstream_rq_xx{{envoy_response_code_class="{code}",'
            f'envoy_cluster_name="service/here/{name}/80/http"}} {count}'
            for (name, code), count in self.counted.items()
        ]
        return "\n".join([kind, *lines, ""])


class TestGatewayCounters(MetricSourceContract):
    @pytest.fixture
    def bench(self) -> Bench:
        gateways = [Gateway(), Gateway()]
        weights = {Slot.STABLE: 1, Slot.CANARY: 1, Slot.PREVIOUS: 0}
        labels = {Slot.STABLE: "v1", Slot.CANARY: "v2", Slot.PREVIOUS: None}

        def held() -> dict[str, dict[Slot, SlotSeen]]:
            slots = {slot: SlotSeen(labels[slot], weight=weights[slot]) for slot in Slot}
            return {"backend": slots, "search": slots}

        def named(service: str, slot: Slot) -> str:
            return f"{service}-{slot}"

        meter = Metering(
            {
                f"gateway-{number}": GatewayCounters(gateway.tell, held, "here", named, (800,))
                for number, gateway in enumerate(gateways)
            },
            "a life",
        )
        meter.look()

        def serve(
            label: str, requests: int, errors: int = 0, *, service: str = "backend", preview: bool = False
        ) -> None:
            slot = next(slot for slot, held in labels.items() if held == label)
            weights[Slot.CANARY] = 0 if preview else 1
            meter.look()
            for number, gateway in enumerate(gateways):
                for code, count in (("2", requests - errors), ("5", errors)):
                    gateway.serve(named(service, slot), code, count // 2 + (count % 2 if number == 0 else 0))
            meter.look()

        def silence() -> None:
            gateways[1].silent = True

        return Bench(meter, serve, silence)


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
