"""The rate ratio and its interval."""

import math

import numpy as np
import pytest

from carelane.analysis.alternatives import LOG_RATIOS, Baseline
from carelane.analysis.intervals import interpolated
from carelane.analysis.judging import Judge, judge_all
from carelane.analysis.verdicts import ObjectiveEvidence
from tests.fakes.windows import LONE, POLICY, judged, random_columns, window, windows


def shown(judge: Judge) -> ObjectiveEvidence:
    return judge.now().leading


def test_without_anything_bad_nothing_is_known() -> None:
    seen = shown(judged(windows(9, (10, 0), (90, 0))))
    assert (seen.rate_ratio, seen.rate_ratio_interval) == (None, None)


def test_without_errors_of_the_canary_it_is_bounded_from_above_only() -> None:
    seen = shown(judged(windows(60, (10, 0), (90, 2))))
    assert seen.rate_ratio == 0.0
    assert seen.rate_ratio_interval is not None
    low, high = seen.rate_ratio_interval
    assert low == 0.0
    assert high is not None
    assert high < 1


def test_without_errors_of_stable_it_is_bounded_from_below_only() -> None:
    seen = shown(judged(windows(60, (10, 1), (90, 0))))
    assert seen.rate_ratio is None
    assert seen.rate_ratio_interval is not None
    low, high = seen.rate_ratio_interval
    assert low > 10
    assert high is None


def test_the_more_was_seen_the_narrower_it_is_around_the_truth() -> None:
    widths = []
    for times in (1, 100, 10_000, 1_000_000):
        seen = shown(judged([window(0, (1000 * times, 30 * times), (9000 * times, 90 * times))]))
        assert seen.rate_ratio == pytest.approx(3.0)
        assert seen.rate_ratio_interval is not None
        low, high = seen.rate_ratio_interval
        assert high is not None
        assert low < 3.0 < high
        widths.append(math.log(high / low))
    assert widths == sorted(widths, reverse=True)
    assert widths[-1] < 0.01


def test_clusters_make_it_wider() -> None:
    seen = windows(60, (10, 1), (90, 2))
    lone, clustered = shown(judged(seen)), shown(judged(seen, basis=(Baseline(1000, 10, 3.0),)))
    assert lone.rate_ratio_interval is not None
    assert clustered.rate_ratio_interval is not None
    assert clustered.rate_ratio_interval[0] < lone.rate_ratio_interval[0]


@pytest.mark.parametrize("truth", [0.5, 1.0, 4.0])
def test_it_holds_the_truth_at_every_look(truth: float) -> None:
    missed = 0
    for seed in range(30):
        judge = judge_all(POLICY, (LONE,), random_columns(seed, 0, 100, (0.02, 0.02)))
        columns = random_columns(seed, 400, 100, (0.02, 0.02 * truth))
        inside = True
        for start in range(0, len(columns), 20):
            judge = judge.after_all(columns.rows(start, start + 20))
            interval = shown(judge).rate_ratio_interval
            if interval is not None:
                low, high = interval
                inside = inside and low <= truth <= (math.inf if high is None else high)
        missed += not inside
    assert missed <= 2


def test_an_interval_above_one_and_a_fail_tell_the_same() -> None:
    columns = random_columns(3, 600, 100, (0.01, 0.06))
    seen = judge_all(POLICY, (LONE,), columns).now()
    assert seen.leading.rate_ratio_interval is not None
    assert seen.leading.rate_ratio_interval[0] > 1
    assert seen.log_e_worse > np.log(100)


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5, 0.97])
def test_between_the_grids_points_the_mean_is_interpolated_well(share: float) -> None:
    between = LOG_RATIOS[0] + np.linspace(1.5, 5.0, 99)
    exact = np.log1p(np.expm1(LOG_RATIOS) * share)
    assert interpolated(exact, between) == pytest.approx(np.log1p(np.expm1(between) * share), abs=3e-6)
