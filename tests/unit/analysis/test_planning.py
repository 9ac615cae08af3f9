"""A plan is the test itself, run beforehand."""

from typing import Any

import numpy as np
import pytest

from carelane.analysis.planning import Plan, Question, plan
from carelane.base.errors import InputError
from tests.fakes.windows import POLICY


def planned(question: Question, seed: int = 1) -> Plan:
    return plan(POLICY, question, np.random.default_rng(seed), 20)


def test_the_same_seed_gives_the_same_plan() -> None:
    question = Question(0.005, 0.2, 10, 0.1, 300, history=False)
    assert planned(question) == planned(question)


def test_more_traffic_finds_it_sooner_at_the_cost_of_as_many_errors() -> None:
    slow, fast = (planned(Question(0.005, 0.1, rate, 0.1, 600, history=False)) for rate in (10, 100))
    assert slow.seconds_to_fail.median is not None
    assert fast.seconds_to_fail.median is not None
    assert fast.seconds_to_fail.median * 4 < slow.seconds_to_fail.median
    assert (fast.found, slow.missed, fast.false_alarms) == (1.0, 0, 0)


def test_what_takes_longer_than_the_step_is_unknown() -> None:
    found = planned(Question(0.005, 0.006, 1, 0.1, 60, history=False))
    assert (found.found, found.seconds_to_fail.median, found.seconds_to_pass.most) == (0.0, None, None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"stable_ratio": -0.1},
        {"stable_ratio": 0.5},
        {"detect_ratio": 1.5},
        {"rate": 0},
        {"rate": float("nan")},
        {"weight": 0},
        {"weight": 1},
        {"longest_seconds": 0.5},
    ],
)
def test_a_question_that_makes_no_sense_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Question(**{"stable_ratio": 0.01, "detect_ratio": 0.05, "rate": 10, "weight": 0.1, **wrong})
