"""Others' rules, by what is known of them."""

import numpy as np

from carelane.analysis import rules
from carelane.analysis.columns import Columns
from tests.fakes.windows import random_columns, window

MINUTE = 60


def minutes(*failing: bool, stable_errors: int = 0) -> Columns:
    """Minutes of 10 canary requests a second, 5 % failing in those that say so."""
    seen = [
        window(at, (10, int(failing[at // MINUTE] and at % 2 == 0)), (90, stable_errors))
        for at in range(len(failing) * MINUTE)
    ]
    return Columns.of(seen)


def test_argo_goes_back_at_the_look_that_exceeds_its_limit() -> None:
    seen = minutes(False, True, False, True, True, True)
    assert rules.argo(0).stops(seen) == 2 * MINUTE - 1
    assert rules.argo(3).stops(seen) == 6 * MINUTE - 1
    assert rules.argo(4).stops(seen) is None


def test_flagger_counts_failed_looks_without_forgetting_and_goes_back_at_the_next() -> None:
    seen = minutes(True, True, False, True, True, True, False)
    assert rules.flagger(5).stops(seen) == 7 * MINUTE - 1
    assert rules.flagger(5).stops(seen.rows(0, 6 * MINUTE)) is None


def test_flagger_takes_no_traffic_for_failure_and_argo_does_not() -> None:
    idle = Columns.of([window(at, (0, 0), (90, 0)) for at in range(7 * MINUTE)])
    assert rules.flagger(5).stops(idle) == 6 * MINUTE - 1
    assert rules.argo(0).stops(idle) is None


def test_a_recording_shorter_than_a_minute_is_never_looked_at() -> None:
    seen = minutes(True).rows(0, 59)
    assert [r.stops(seen) for r in (rules.argo(0), rules.flagger(), rules.z_test())] == [None] * 3


def test_peeking_at_a_z_test_stops_many_healthy_canaries() -> None:
    stopped = [
        rules.z_test().stops(random_columns(seed, 1800, 10, (0.01, 0.01))) is not None for seed in range(60)
    ]
    assert sum(stopped) >= 3


def test_wald_told_the_truth_is_quick() -> None:
    found = [
        rules.wald(0.005, 0.1).stops(random_columns(seed, 900, 10, (0.005, 0.1))) or 900 for seed in range(30)
    ]
    assert float(np.median(found)) < 40
