"""The test's properties: those that make it valid, by exact enumeration, and those one would expect."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from carelane.analysis import alternatives, likelihoods
from carelane.analysis.alternatives import Baseline
from carelane.analysis.objectives import Objective
from carelane.analysis.reproducible import log_sum_exp
from carelane.analysis.sequential import CANARY, Design, Tallies, add
from carelane.base.errors import InputError

Array = NDArray[np.float64]
Points = Callable[[Design, Array], Array]
BASIS = Baseline(1000, 20, 1.0)
DESIGN = Design.of(Objective(ceiling=0.05), BASIS)
PLAIN = Design.of(Objective(), Baseline())


def above_ceiling(design: Design, rows: Array) -> Array:
    return likelihoods.above_ceiling(design, rows, CANARY)


def compared(design: Design, rows: Array) -> Array:
    """The part of the evidence of safe that compares, with all of the weight."""
    return likelihoods.safe(design, rows)[:, : len(design.safe)] + math.log(3)


def sums(design: Design, *windows: tuple[int, int, int, int]) -> Array:
    """The row after windows of (canary, its bad, stable, its bad)."""
    canary, bad, stable, stable_bad = np.array(windows, dtype=np.float64).T
    tallies = Tallies(canary, bad, stable, stable_bad, np.ones(len(windows), dtype=np.bool_))
    return add(design, design.nothing(), tallies)[-1:]


def log_e(points: Points, design: Design, *windows: tuple[int, int, int, int]) -> float:
    return float(log_sum_exp(points(design, sums(design, *windows)))[0])


def binomial(count: int, ratio: float) -> list[float]:
    return [math.comb(count, k) * ratio**k * (1 - ratio) ** (count - k) for k in range(count + 1)]


def mean_e(points: Points, design: Design, sizes: tuple[int, int], ratios: tuple[float, float]) -> float:
    """E's exact mean in one window of so many requests, where canary and stable have these ratios."""
    outcomes = [(sizes[0], c, sizes[1], s) for c in range(sizes[0] + 1) for s in range(sizes[1] + 1)]
    rows = np.concatenate([sums(design, outcome) for outcome in outcomes])
    values = np.exp(log_sum_exp(points(design, rows)))
    chances = np.outer(binomial(sizes[0], ratios[0]), binomial(sizes[1], ratios[1])).ravel()
    return float((values * chances).sum())


sizes = st.tuples(st.integers(1, 5), st.integers(1, 6))
ratio = st.floats(0.0, 1.0)


@given(sizes, ratio, ratio, st.sampled_from([DESIGN, PLAIN]))
def test_evidence_of_worse_has_mean_one_at_most_when_the_canary_is_not(
    size: tuple[int, int], one: float, two: float, design: Design
) -> None:
    assert mean_e(likelihoods.worse, design, size, (min(one, two), max(one, two))) <= 1 + 1e-9


@given(sizes, ratio, ratio)
def test_evidence_of_safe_has_mean_one_at_most_when_the_canary_is_not(
    size: tuple[int, int], canary: float, stable: float
) -> None:
    unsafe = min(1.0, max(canary, 2 * stable, 0.01))
    assert mean_e(likelihoods.safe, DESIGN, size, (unsafe, min(stable, unsafe / 2))) <= 1 + 1e-9


def test_the_comparison_for_safe_is_the_split_of_errors_under_each_ratio_over_that_under_the_bad_one() -> (
    None
):
    canary, bad, stable, stable_bad = 40, 2, 400, 31
    share = canary / (canary + stable)

    def likelihood(ratio: float) -> float:
        split = ratio * share / (ratio * share + 1 - share)
        return split**bad * (1 - split) ** stable_bad

    grid, weights = alternatives.ratio_grid()[DESIGN.safe], np.exp(DESIGN.log_safe_weight)
    expected = sum(w * likelihood(r) / likelihood(2.0) for r, w in zip(grid, weights, strict=True))
    assert max(grid) < 2.0
    assert sum(weights) == pytest.approx(1.0)
    assert log_e(compared, DESIGN, (canary, bad, stable, stable_bad)) == pytest.approx(math.log(expected))


def test_a_point_of_worse_is_the_likelihood_of_both_versions_over_that_of_one_common_ratio() -> None:
    canary, bad, stable, stable_bad = 40, 3, 400, 4
    share = canary / (canary + stable)
    points = likelihoods.worse(DESIGN, sums(DESIGN, (canary, bad, stable, stable_bad)))[0]
    for point, level, ratio, weight in zip(
        points, DESIGN.mixture.stable, DESIGN.mixture.ratio, DESIGN.mixture.log_weight, strict=True
    ):
        if level:
            common, fails = level * (1 + (ratio - 1) * share), level * ratio
            expected = bad * math.log(fails / common) + stable_bad * math.log(level / common)
            expected += (canary - bad) * math.log((1 - fails) / (1 - common))
            expected += (stable - stable_bad) * math.log((1 - level) / (1 - common))
        else:
            split = ratio * share / (ratio * share + 1 - share)
            expected = bad * math.log(split / share) + stable_bad * math.log((1 - split) / (1 - share))
        assert point == pytest.approx(weight + expected)


@given(sizes, ratio, ratio)
def test_evidence_of_a_catastrophe_has_mean_one_at_most_when_there_is_none(
    size: tuple[int, int], canary: float, stable: float
) -> None:
    harmless = min(canary, max(5 * stable, 0.1))
    assert mean_e(likelihoods.catastrophic, DESIGN, size, (harmless, stable)) <= 1 + 1e-9


@given(sizes, ratio, ratio)
def test_evidence_about_the_ceiling_has_mean_one_at_most_on_the_other_side(
    size: tuple[int, int], canary: float, stable: float
) -> None:
    assert mean_e(above_ceiling, DESIGN, size, (min(canary, 0.05), stable)) <= 1 + 1e-9
    assert mean_e(likelihoods.below_ceiling, DESIGN, size, (max(canary, 0.05), stable)) <= 1 + 1e-9


counts = st.tuples(st.integers(0, 10**9), st.floats(0, 1), st.integers(0, 10**9), st.floats(0, 1)).map(
    lambda t: (t[0], int(t[0] * t[1]), t[2], int(t[2] * t[3]))
)
EVERY: list[Points] = [
    likelihoods.worse,
    likelihoods.safe,
    likelihoods.catastrophic,
    likelihoods.below_ceiling,
    above_ceiling,
]


@pytest.mark.parametrize("points", EVERY)
@given(seen=st.lists(counts, min_size=1, max_size=5))
def test_log_e_is_finite_for_any_counts(points: Points, seen: list[tuple[int, int, int, int]]) -> None:
    assert math.isfinite(log_e(points, DESIGN, *seen))


small = st.tuples(st.integers(1, 200), st.integers(0, 9), st.integers(1, 900), st.integers(0, 9)).map(
    lambda t: (t[0], min(t[0] - 1, t[1]), t[2], min(t[2], t[3]))
)


@given(st.lists(small, min_size=1, max_size=6), st.integers(0, 5))
def test_another_error_of_the_canary_is_more_evidence_of_worse_and_less_of_safe(
    seen: list[tuple[int, int, int, int]], where: int
) -> None:
    where %= len(seen)
    n, bad, m, stable_bad = seen[where]
    more = [*seen[:where], (n, bad + 1, m, stable_bad), *seen[where + 1 :]]
    assert log_e(likelihoods.worse, DESIGN, *more) > log_e(likelihoods.worse, DESIGN, *seen)
    assert log_e(likelihoods.safe, DESIGN, *more) < log_e(likelihoods.safe, DESIGN, *seen)


@given(small, st.integers(2, 5), st.floats(1.0, 4.0))
def test_merging_windows_of_one_share_changes_nothing(
    one: tuple[int, int, int, int], times: int, dispersion: float
) -> None:
    design = Design.of(Objective(), Baseline(1000, 20, dispersion))
    n, bad, m, stable_bad = one
    whole = (n * times, bad * times, m * times, stable_bad * times)
    for points in (likelihoods.worse, likelihoods.safe):
        apart, merged = log_e(points, design, *[one] * times), log_e(points, design, whole)
        assert apart == pytest.approx(merged, abs=1e-8)


@given(st.lists(st.tuples(st.integers(1, 30), st.integers(1, 30), st.floats(0, 1)), min_size=1, max_size=8))
def test_equal_ratios_are_never_evidence_however_weights_and_levels_change(
    seen: list[tuple[int, int, float]],
) -> None:
    windows = []
    for canary, stable, level in seen:
        each = round(10 * level)
        windows.append((10 * canary, canary * each, 10 * stable, stable * each))
    assert log_e(likelihoods.worse, DESIGN, *windows) <= 1e-9


def test_windows_with_one_version_only_say_nothing() -> None:
    seen = ((50, 3, 400, 2), (9, 0, 80, 1))
    for points in (likelihoods.worse, likelihoods.safe):
        alone = log_e(points, DESIGN, *seen, (70, 70, 0, 0), (0, 0, 900, 0))
        assert alone == log_e(points, DESIGN, *seen)


def test_a_prior_of_a_version_to_come_is_refused() -> None:
    with pytest.raises(InputError, match="number 3; known are 1 to 2"):
        alternatives.worse(Baseline(1000, 5, 1.0), 3)
