"""What every MetricSource must do."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import pytest

from carelane.analysis.measurements import Counts, Reading
from carelane.analysis.ports import MetricSource, Thresholds

SLOW: Thresholds = (800.0,)
Serve = Callable[..., None]


@dataclass(frozen=True)
class Bench:
    """A source; *serve* has users get answers of a label, and the source look afterwards.

    ``serve("v1", 100, errors=2)`` of users, ``serve("v2", 5, preview=True)`` of who steered by hand.
    *silence* has one of its places not answer from now on.
    """

    source: MetricSource
    serve: Serve
    silence: Callable[[], None]


def total(bench: Bench, *, preview: bool = False) -> tuple[Counts, Counts]:
    """What all places have counted of v1, stable, and of v2, on trial."""
    stable = canary = Counts(slow=(0,))
    for reading in bench.source.readings("backend", "v1", "v2", SLOW, preview=preview).values():
        assert reading.stable is not None
        assert reading.canary is not None
        stable, canary = stable.plus(reading.stable), canary.plus(reading.canary)
    return stable, canary


def lives(readings: dict[str, Reading]) -> set[str]:
    return {reading.epoch for reading in readings.values()}


class MetricSourceContract:
    """Subclasses give *bench*."""

    @pytest.fixture
    def bench(self) -> Bench:
        raise NotImplementedError

    def test_who_had_no_request_stands_at_zero_with_a_count_a_threshold(self, bench: Bench) -> None:
        bench.serve("v1", 0)
        for reading in bench.source.readings("backend", "v1", "v2", SLOW).values():
            assert (reading.stable, reading.canary) == (Counts(slow=(0,)), Counts(slow=(0,)))
            assert reading.reachable

    def test_both_versions_counters_grow_and_are_cumulative(self, bench: Bench) -> None:
        bench.serve("v1", 100, errors=2)
        bench.serve("v2", 10, errors=1)
        assert total(bench) == (Counts(100, 2, (0,)), Counts(10, 1, (0,)))
        bench.serve("v1", 50)
        assert total(bench) == (Counts(150, 2, (0,)), Counts(10, 1, (0,)))

    def test_by_source_id_which_stays_the_same_in_one_life(self, bench: Bench) -> None:
        bench.serve("v1", 10)
        before = dict(bench.source.readings("backend", "v1", "v2", SLOW))
        bench.serve("v1", 10)
        after = dict(bench.source.readings("backend", "v1", "v2", SLOW))
        assert list(before) == list(after) != []
        assert lives(before) == lives(after)
        assert all(after[name].at_seconds >= before[name].at_seconds for name in before)

    def test_a_service_is_none_of_the_others(self, bench: Bench) -> None:
        bench.serve("v1", 10, service="search")
        assert total(bench) == (Counts(slow=(0,)), Counts(slow=(0,)))

    def test_of_a_preview_only_what_was_steered_to_it_counts(self, bench: Bench) -> None:
        bench.serve("v1", 10)
        bench.serve("v2", 3, errors=1, preview=True)
        assert total(bench) == (Counts(10, 0, (0,)), Counts(slow=(0,))), "users had none of it"
        assert total(bench, preview=True) == (Counts(10, 0, (0,)), Counts(3, 1, (0,)))

    def test_who_does_not_answer_is_there_and_not_reachable(self, bench: Bench) -> None:
        bench.serve("v1", 10)
        ids = set(bench.source.readings("backend", "v1", "v2", SLOW))
        bench.silence()
        bench.serve("v1", 0)
        readings = bench.source.readings("backend", "v1", "v2", SLOW)
        assert set(readings) == ids
        assert any(not reading.reachable for reading in readings.values())

    def test_history_is_in_order_does_not_overlap_and_has_no_canary(self, bench: Bench) -> None:
        for requests in (10, 20, 30):
            bench.serve("v1", requests, errors=1)
        windows = bench.source.history("backend", "v1", SLOW)
        for before, after in pairwise(windows):
            assert before.ended_at <= after.started_at
        for window in windows:
            assert window.started_at < window.ended_at
            assert window.canary == Counts(slow=(0,))
            assert window.stable is not None
            assert window.stable.requests > 0
