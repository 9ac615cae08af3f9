"""Clustering is seen where it is, and not where it is not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from bench import traffic
from bench.traffic import Scenario, always
from carelane.analysis.dispersion import UNKNOWN, estimate, estimate_over

SEEDS = range(20)
Array = NDArray[np.float64]


def estimates(scenario: Scenario) -> list[float]:
    found = []
    for seed in SEEDS:
        history = traffic.history(scenario, 3600, np.random.default_rng(seed))
        found.append(estimate(history.stable_requests, history.stable_errors))
    return sorted(found)


def lone(rate: float, ratio: float = 0.005) -> Scenario:
    return Scenario(always(rate), always(ratio), always(ratio))


@pytest.mark.parametrize("rate", [10, 100])
def test_lone_errors_cost_little(rate: float) -> None:
    found = estimates(lone(rate))
    assert found[10] < 1.05
    assert found[-1] < 1.4


@pytest.mark.parametrize("rate", [3, 10, 100])
def test_clusters_of_two_are_caught_though_they_straddle_windows(rate: float) -> None:
    found = estimates(Scenario(always(rate), always(0.01), always(0.01), cluster=2.0))
    assert found[0] > 1.5
    assert 2.2 < found[10] < 4.0


def test_a_wave_of_traffic_is_not_clustering() -> None:
    found = estimates(Scenario(traffic.wave(10, 100, 3600), always(0.005), always(0.005)))
    assert found[10] < 1.05


def test_one_incident_in_the_history_is_not_clustering() -> None:
    bad = traffic.between(-1500, -1380, 0.4, 0.005)
    found = estimates(Scenario(always(50), bad, bad))
    assert found[-1] < 1.5


@pytest.mark.parametrize(
    ("requests", "bad"),
    [
        (np.zeros(0), np.zeros(0)),
        (np.full(3600, 10.0), np.zeros(3600)),
        (np.zeros(100), np.zeros(100)),
    ],
)
def test_where_nothing_is_known_the_default_stands(requests: Array, bad: Array) -> None:
    assert estimate(requests, bad) == UNKNOWN


def test_a_version_that_always_fails_tells_nothing_either() -> None:
    assert 1.0 <= estimate(np.full(3600, 10.0), np.full(3600, 10.0)) < 1.01


# -- hours that were kept, in buckets of ten seconds


def kept(scenario: Scenario, seed: int, fine_seconds: int, hours: int = 6) -> tuple[Array, ...]:
    """So many hours, all but the last *fine_seconds* in buckets."""
    history = traffic.history(scenario, hours * 3600, np.random.default_rng(seed))
    cut = len(history) - fine_seconds
    starts = np.arange(0, cut, 10)
    columns = (history.stable_requests, history.stable_errors)
    return (
        np.concatenate([history.started_at[starts], history.started_at[cut:]]),
        np.concatenate([history.ended_at[starts + 9], history.ended_at[cut:]]),
        *(np.concatenate([np.add.reduceat(c[:cut], starts), c[cut:]]) for c in columns),
    )


def over(scenario: Scenario, fine_seconds: int) -> list[float]:
    return sorted(estimate_over(*kept(scenario, seed, fine_seconds)) for seed in SEEDS)


@pytest.mark.parametrize("fine_seconds", [0, 60, 3600])
@pytest.mark.parametrize("rate", [3, 100])
def test_hours_of_buckets_show_clusters_of_two_more_surely_than_an_hour_of_seconds(
    rate: float, fine_seconds: int
) -> None:
    """Their dispersion is 3, for sizes are geometric."""
    scenario = Scenario(always(rate), always(0.01), always(0.01), cluster=2.0)
    found, of_an_hour = over(scenario, fine_seconds), estimates(scenario)
    assert found[0] > 2.4
    assert found[-1] < 4.5
    assert abs(found[10] - 3.0) < 0.2
    assert found[0] > min(of_an_hour[0], 2.7)


@pytest.mark.parametrize("fine_seconds", [0, 60, 3600])
def test_hours_of_lone_errors_cost_little(fine_seconds: int) -> None:
    found = over(lone(10), fine_seconds)
    assert found[10] < 1.02
    assert found[-1] < 1.2


@pytest.mark.parametrize("fine_seconds", [0, 60])
def test_a_slow_change_of_the_error_ratio_is_not_clustering_in_buckets_either(fine_seconds: int) -> None:
    """Compared over ten minutes, as 64 buckets would be, its dispersion would seem to be 50."""
    ratio = traffic.wave(0.004, 0.016, 3600)
    scenario = Scenario(always(100), ratio, ratio)
    found = over(scenario, fine_seconds)
    assert found[10] < 1.1
    assert found[-1] < 1.5
    _, _, requests, bad = kept(scenario, 0, 0)
    assert estimate(requests, bad) > 20


@pytest.mark.parametrize("long_ones", [0, 15])
def test_of_seconds_alone_it_is_what_it_always_was_bit_for_bit(long_ones: int) -> None:
    """What was recorded leads to the same verdict; a few long windows are of a server that could not look."""
    history = traffic.history(
        Scenario(always(10), always(0.01), always(0.01), cluster=2.0), 3600, np.random.default_rng(1)
    )
    ended_at = history.ended_at.copy()
    ended_at[:long_ones] += 20.0
    found = estimate_over(history.started_at, ended_at, history.stable_requests, history.stable_errors)
    assert found == estimate(history.stable_requests, history.stable_errors)


def test_where_nothing_failed_in_all_those_hours_the_default_stands() -> None:
    at = np.arange(0.0, 3600.0, 10.0)
    assert estimate_over(at, at + 10.0, np.full(360, 100.0), np.zeros(360)) == UNKNOWN
