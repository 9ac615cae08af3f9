"""A canary's way through its weights, judged on drawn traffic."""

import math

import numpy as np

from carelane.analysis.columns import Columns
from carelane.analysis.courses import Leg, Users, Went, gone, healthy
from carelane.analysis.drawing import drawn
from carelane.analysis.judging import Judge
from carelane.analysis.trials import Trial
from tests.fakes.windows import LONE, POLICY

STEPS = Trial((10, 25, 50))
LEGS = [Leg(0, 900.0), Leg(1, 900.0), Leg(2, 900.0)]


def went(canary: dict[int, float], legs: list[Leg] = LEGS, rate: float = 200.0, seed: int = 1) -> Went:
    """One canary whose ratio depends on its weight; stable's is 0.5 %."""
    generator = np.random.default_rng(seed)

    def draw(weight: int, at: float, count: int) -> Columns:
        share = STEPS.weights[weight] / 100
        ratios = (0.005, canary.get(weight, 0.005))
        rates = (rate * (1 - share), rate * share)
        return drawn(rates, ratios, at, 1.0, count, generator).at_weight(weight)

    return gone(Judge.begin(POLICY, (LONE,), STEPS), legs, draw)


def test_each_weight_is_left_with_its_own_pass_and_nothing_drawn_beyond_is_judged() -> None:
    found = went({})
    assert len(found.judge.earlier) == 2
    assert found.judge.passed is not None
    assert found.whole_seconds == found.judge.at == found.judge.passed.at
    first, second = found.judge.earlier
    assert found.seconds == (first.at, second.at - first.at, found.judge.passed.at - second.at)


def test_what_begins_at_a_weight_ends_the_way_there() -> None:
    found = went({1: 0.05})
    assert math.isfinite(found.seconds[0])
    assert found.seconds[1:] == (math.inf, math.inf)
    assert found.judge.failed is not None
    assert found.judge.weight == 1


def test_a_leg_without_a_verdict_is_the_last() -> None:
    found = went({}, [Leg(0, 10.0), Leg(1, 900.0)])
    assert found.seconds == (math.inf, math.inf)
    assert (found.judge.at, found.judge.verdict) == (10.0, "inconclusive")


def test_a_pause_lasts_as_long_as_it_says_and_is_judged() -> None:
    paused = [Leg(0, 100.0, analysis=False), Leg(0, 900.0), Leg(1, 70.5, analysis=False)]
    found = went({}, paused)
    assert found.seconds[0] == 100.0
    assert found.seconds[2] == 71.0, "whole windows"
    assert went({0: 0.2}, paused).judge.failed is not None


def test_healthy_canaries_are_as_good_as_stable_and_the_same_seed_gives_the_same() -> None:
    def drawn_so(seed: int) -> list[tuple[float, ...]]:
        users = Users(200.0, 0.0, 60.0)
        found = healthy((POLICY, STEPS), LEGS, users, np.random.default_rng(seed), 5)
        return [each.seconds for each in found]

    assert drawn_so(3) == drawn_so(3) != drawn_so(4)
    assert all(math.isfinite(sum(each)) for each in drawn_so(3))
