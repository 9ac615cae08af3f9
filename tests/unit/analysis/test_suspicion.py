"""A suspicion rests on counts that were kept, and is never taken for a verdict."""

import numpy as np
import pytest

from carelane.analysis.objectives import AnalysisPolicy, Measure, Objective
from carelane.analysis.suspicion import suspicion
from carelane.analysis.traffic import Counted

POLICY = AnalysisPolicy()
SLOW = AnalysisPolicy(objectives=(Objective(), Objective(Measure.SLOW, 800.0)))


@pytest.mark.parametrize(
    ("before", "since"),
    [
        (Counted(36_000, 100), Counted(1000, 3)),
        (Counted(36_000, 1000), Counted(1000, 40)),
        (Counted(36_000, 0), Counted(10_000, 60)),
        (Counted(), Counted()),
        (Counted(1000, 990), Counted(100, 100)),
    ],
    ids=["as before", "within twice", "below the floor", "nothing", "it was worse already"],
)
def test_what_is_no_worse_than_is_allowed_is_not_suspected(before: Counted, since: Counted) -> None:
    assert suspicion(POLICY, before, since) is None


def test_a_ratio_that_is_worse_than_before_is_said_with_both() -> None:
    said = suspicion(POLICY, Counted(36_000, 108), Counted(400, 20))
    assert said == "20 of 400 requests (5 %) failed, before 0.3 %"


def test_where_nobody_asked_before_the_floor_is_what_it_is_held_to() -> None:
    assert suspicion(POLICY, Counted(), Counted(400, 40)) == (
        "40 of 400 requests (10 %) failed, before nobody asked"
    )


def test_slow_requests_are_suspected_too_and_only_where_they_were_looked_at() -> None:
    before, slow = Counted(36_000, 0, {800: 30}), Counted(500, 0, {800: 50})
    said = suspicion(SLOW, before, slow)
    assert said == "50 of 500 requests (10 %) were slow>800ms, before 0.1 %"
    assert suspicion(SLOW, before, Counted(500, 0)) is None


@pytest.mark.parametrize("cluster", [1, 2])
def test_looked_at_for_hours_what_has_not_changed_is_seldom_suspected(cluster: int) -> None:
    generator = np.random.default_rng(cluster)
    suspected = 0
    for _ in range(60):
        requests = np.cumsum(generator.poisson(100, 720))
        errors = np.cumsum(generator.poisson(100 * 0.01 / cluster, 720)) * cluster
        before = Counted(36_000, 180)
        suspected += any(
            suspicion(POLICY, before, Counted(int(n), int(min(k, n))))
            for n, k in zip(requests[::6], errors[::6], strict=True)
        )
    assert suspected <= 60 * 0.05 + 4, "a share of 5 %, and what chance adds to that in 60 hours"
