"""What users got is kept as it was counted, and a failing store loses what it says and no more."""

import itertools
from datetime import timedelta

import pytest

from carelane.analysis import measurements
from carelane.analysis.keeping import HISTORY, MOST_PENDING, KeptHistory, Recorder, Thinning
from carelane.analysis.measurements import Window
from carelane.analysis.traffic import Bucket, Counted
from carelane.base.clock import ManualClock
from tests.fakes.metrics import FakeMetrics
from tests.fakes.proxies import FakeProxies
from tests.fakes.traffic import InMemoryTrafficStore

V1, V2 = ("backend", "v1"), ("backend", "v2")


class Bench:
    """A recorder that is told of a second at a time."""

    def __init__(self) -> None:
        self.clock = ManualClock()
        self.began = self.clock.now()
        self.store = InMemoryTrafficStore()
        self.start()

    def start(self) -> None:
        """A server begins."""
        self.recorder = Recorder(self.store, "production", self.clock)
        self.proxies = FakeProxies(lambda _: True)
        self.metrics = FakeMetrics(self.clock, self.proxies)

    def second(self, requests: int = 5, errors: int = 0, **slow: int) -> None:
        self.clock.advance(1.0)
        counted = Counted(requests, errors, {800: slow.get("slow", 0)})
        self.recorder.note({V1: counted, V2: Counted()}, 1.0)

    def seconds(self, count: int, requests: int = 5) -> None:
        """So many seconds, whatever the store says."""
        for _ in range(count):
            try:
                self.second(requests)
            except OSError:
                self.failed = True

    def kept(self) -> list[Bucket]:
        moment = self.clock.now()
        return self.store.kept(
            "production", "backend", moment - timedelta(days=9), moment + timedelta(days=9)
        )

    def history(self) -> tuple[Window, ...]:
        source = KeptHistory(self.metrics, self.store, "production", self.clock)
        return source.history("backend", "v1", (800.0,))


def test_a_bucket_holds_ten_seconds_of_who_had_requests() -> None:
    bench = Bench()
    for number in range(10):
        assert bench.kept() == []
        bench.second(5, number % 2, slow=1)
    assert bench.kept() == [Bucket(bench.began, 10.0, {V1: Counted(50, 5, {800: 10})})]


def test_a_time_without_requests_has_no_bucket() -> None:
    bench = Bench()
    bench.seconds(25, requests=0)
    assert bench.kept() == []


def test_an_error_that_is_read_before_its_request_is_counted_with_it() -> None:
    bench = Bench()
    bench.second(0, 1)
    bench.second(1, 0)
    bench.second(0, 3)
    bench.seconds(7, requests=0)
    assert bench.kept()[0].counts[V1] == Counted(1, 1, {800: 0})


def test_what_could_not_be_written_is_written_when_it_can() -> None:
    bench = Bench()
    bench.store.failing = 4
    bench.seconds(70)
    assert bench.failed
    assert len(bench.kept()) == 7
    assert sum(b.counts[V1].requests for b in bench.kept()) == 350
    assert bench.recorder.lost == 0


def test_a_store_that_fails_for_more_than_an_hour_loses_the_oldest_and_says_how_many() -> None:
    bench = Bench()
    bench.store.failing = 10_000
    bench.seconds(10 * (MOST_PENDING + 5))
    bench.store.failing = 0
    bench.seconds(10)
    assert bench.recorder.lost == 6
    assert len(bench.kept()) == MOST_PENDING
    assert bench.kept()[0].began_at == bench.began + timedelta(seconds=60)


def test_a_clock_that_is_set_back_keeps_no_bucket_open() -> None:
    bench = Bench()
    bench.seconds(5)
    bench.clock.advance(-3600.0)
    bench.seconds(5)
    assert [b.seconds for b in bench.kept()] == [10.0]


def test_a_server_that_was_killed_loses_less_than_a_bucket() -> None:
    bench = Bench()
    bench.seconds(39)
    bench.start()
    bench.seconds(10)
    assert sum(b.counts[V1].requests for b in bench.kept()) == 5 * 40


@pytest.mark.parametrize(("more", "pause"), [(True, 1.0), (False, 300.0)])
def test_thinning_goes_on_soon_while_there_is_more_of_it(more: bool, pause: float) -> None:
    bench = Bench()
    bench.store.thin = lambda now: more  # type: ignore[method-assign]
    assert Thinning(bench.store, bench.clock).step() == pause


# -- the judge's history


def test_a_restarted_server_has_the_history_again_at_once() -> None:
    bench = Bench()
    bench.seconds(3600)
    bench.start()
    assert bench.metrics.past == ()
    history = bench.history()
    assert len(history) == 360
    assert sum(w.stable.requests for w in history) == 5 * 3600
    moment = bench.clock.monotonic()
    assert history[0].started_at == pytest.approx(moment - 3600)
    assert history[-1].ended_at == pytest.approx(moment)
    assert {w.canary for w in history} == {measurements.Counts(0, 0, (0,))}


def test_what_is_in_memory_and_what_was_kept_count_the_same_time_once() -> None:
    bench = Bench()
    bench.seconds(100)
    moment, none = bench.clock.monotonic(), measurements.Counts(slow=(0,))
    bench.metrics.past = tuple(
        Window(moment - 35 + n, moment - 34 + n, measurements.Counts(5, 0, (0,)), none) for n in range(35)
    )
    history = bench.history()
    assert [round(w.ended_at - w.started_at) for w in history] == [10] * 6 + [1] * 35
    assert all(a.ended_at <= b.started_at + 1e-6 for a, b in itertools.pairwise(history))


def test_history_is_of_the_label_and_goes_back_some_hours() -> None:
    bench = Bench()
    old = bench.clock.now()
    bench.store.add("production", Bucket(old, 10.0, {V1: Counted(1, 0, {800: 0})}))
    bench.clock.advance(HISTORY.total_seconds() - 60)
    for label, began in ((V2, 30), (V1, 10)):
        moment = bench.clock.now() - timedelta(seconds=began)
        bench.store.add("production", Bucket(moment, 10.0, {label: Counted(7, 0, {800: 0})}))
    assert [w.stable.requests for w in bench.history()] == [1, 7]
    bench.clock.advance(60.5)
    assert [w.stable.requests for w in bench.history()] == [7]


def test_what_was_not_counted_for_a_threshold_is_left_out_rather_than_taken_for_none() -> None:
    bench = Bench()
    for after, slow in ((0, {}), (10, {2000: 0}), (20, {800: 1, 2000: 0})):
        moment = bench.clock.now() + timedelta(seconds=after)
        bench.store.add("production", Bucket(moment, 10.0, {V1: Counted(9, 0, slow)}))
    bench.clock.advance(60.0)
    assert [w.stable for w in bench.history()] == [measurements.Counts(9, 0, (1,))]


@pytest.mark.parametrize("odd", [{"width_seconds": 60}, {"seconds": 31.0}])
def test_what_is_too_coarse_to_show_clusters_is_no_history(odd: dict[str, float]) -> None:
    bench = Bench()
    fields = {"seconds": 10.0, "width_seconds": 10, **odd}
    bench.store.add(
        "production",
        Bucket(
            bench.clock.now(), fields["seconds"], {V1: Counted(9, 0, {800: 0})}, int(fields["width_seconds"])
        ),
    )
    bench.clock.advance(60.0)
    assert bench.history() == ()


def test_readings_are_the_source_s_own() -> None:
    bench = Bench()
    bench.proxies.routings.clear()
    source = KeptHistory(bench.metrics, bench.store, "production", bench.clock)
    bench.metrics.totals[V1] = [9.0, 1.0]
    bench.metrics.look_seconds = 5.0
    bench.metrics._looked_at, bench.metrics._readings = bench.clock.monotonic(), {}
    assert source.readings("backend", "v1", "v2", (800.0,)) is bench.metrics._readings
