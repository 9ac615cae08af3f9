"""A policy that cannot be is refused."""

from typing import Any

import pytest

from carelane.analysis.objectives import AnalysisPolicy, Measure, Objective
from carelane.base.errors import InputError


@pytest.mark.parametrize(
    "wrong",
    [
        {"bad_ratio": 1.0},
        {"bad_ratio": float("nan")},
        {"floor": 0.0},
        {"floor": 1.0},
        {"weight": 0.0},
        {"ceiling": 1.0},
        {"threshold_ms": 5.0},
        {"measure": Measure.SLOW, "threshold_ms": -1.0},
    ],
)
def test_an_objective_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Objective(**wrong)


@pytest.mark.parametrize(
    "wrong",
    [
        {"alpha": 0.0},
        {"alpha": 0.5},
        {"alpha": float("nan")},
        {"objectives": ()},
        {"objectives": (Objective(), Objective(weight=2))},
        {"warm_up_seconds": -1.0},
    ],
)
def test_a_policy_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        AnalysisPolicy(**wrong)


def test_thresholds_are_those_of_the_slow_objectives_in_order() -> None:
    policy = AnalysisPolicy(
        objectives=(Objective(Measure.SLOW, 800), Objective(), Objective(Measure.SLOW, 200))
    )
    assert list(policy.thresholds_ms) == [800, 200]
    assert [o.name for o in policy.objectives] == ["slow>800ms", "errors", "slow>200ms"]
