"""Clustering is seen where it is, and not where it is not."""

import numpy as np
import pytest
from numpy.typing import NDArray

from bench import traffic
from bench.traffic import Scenario, always
from carelane.analysis.dispersion import UNKNOWN, estimate

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
