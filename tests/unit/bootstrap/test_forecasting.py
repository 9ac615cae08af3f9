"""What a plan expects: the judge itself, on traffic as it was lately."""

from dataclasses import asdict
from typing import Any

import pytest

from carelane.analysis.objectives import AnalysisPolicy
from carelane.bootstrap.forecasting import TRACES, forecast
from carelane.delivery.strategies import (
    DEFAULTS,
    ROLLING,
    CanaryStep,
    OnInconclusive,
    StepKind,
    Strategy,
    StrategyKind,
    blue_green_steps,
)

ANALYSIS = CanaryStep(StepKind.ANALYSIS, seconds=600.0)
HALF = Strategy(StrategyKind.CANARY, (CanaryStep(StepKind.WEIGHT, 50), ANALYSIS))
DEFAULT = DEFAULTS[StrategyKind.CANARY]


def planned(rate: float, **strategies: Strategy) -> dict[str, Any]:
    rollouts = {name: {"strategy": asdict(strategy)} for name, strategy in strategies.items()}
    traffic = {"seconds": 600.0, "requests": int(600 * rate), "errors": 0}
    return {
        "deployment": {"rollouts": rollouts},
        "analysis": asdict(AnalysisPolicy()),
        "traffic": dict.fromkeys(strategies, traffic),
    }


def test_services_go_one_after_another_so_their_times_add_up() -> None:
    one, three = forecast(planned(100, a=HALF)), forecast(planned(100, a=HALF, b=HALF, c=HALF))
    assert one["median_seconds"] > 5
    assert three["median_seconds"] == pytest.approx(3 * one["median_seconds"], rel=0.1)
    assert list(three["services"]) == ["a", "b", "c"]
    assert (one["asked"], three["asked"]) == (0.0, 0.0)


def test_each_weight_takes_time_of_its_own() -> None:
    found = forecast(planned(200, a=DEFAULT))["services"]["a"]
    times = [step["median_seconds"] for step in found["steps"] if step is not None]
    assert len(times) == 3
    assert min(times) > 1
    assert found["median_seconds"] == pytest.approx(sum(times), rel=0.1)


def test_what_does_not_pass_in_time_asks_a_person_more_surely_the_more_services_there_are() -> None:
    tight = Strategy(StrategyKind.CANARY, (HALF.steps[0], CanaryStep(StepKind.ANALYSIS, seconds=82.0)))
    one, two = forecast(planned(20, a=tight)), forecast(planned(20, a=tight, b=tight))
    assert 0.1 < one["asked"] < 0.9
    assert two["asked"] > one["asked"]
    (step,) = [step for step in one["services"]["a"]["steps"] if step is not None]
    assert step["proposed_seconds"] == 90.0
    assert step["median_seconds"] < step["most_seconds"] <= 90.0


def test_an_analysis_that_is_extended_asks_later() -> None:
    steps = (HALF.steps[0], CanaryStep(StepKind.ANALYSIS, seconds=30.0))
    paused = forecast(planned(20, a=Strategy(StrategyKind.CANARY, steps)))
    extended = forecast(planned(20, a=Strategy(StrategyKind.CANARY, steps, OnInconclusive.EXTEND)))
    assert (paused["asked"], extended["asked"]) == (1.0, 0.0)


def test_a_pause_takes_its_time_and_one_without_end_asks_a_person() -> None:
    timed = Strategy(StrategyKind.CANARY, (*HALF.steps, CanaryStep(StepKind.PAUSE, seconds=500.0)))
    plain, paused = forecast(planned(100, a=HALF)), forecast(planned(100, a=timed))
    assert paused["median_seconds"] == plain["median_seconds"] + 500
    by_hand = Strategy(StrategyKind.CANARY, (*HALF.steps, CanaryStep(StepKind.PAUSE)))
    assert forecast(planned(100, a=by_hand))["asked"] == 1.0


def test_what_takes_beyond_an_hour_is_told_sooner_by_half_of_the_users() -> None:
    found = forecast(planned(2, a=DEFAULT))
    assert found["asked"] == 1.0
    instead = found["services"]["a"]["instead"]
    assert instead["percent"] == 50
    assert instead["most_seconds"] < 1200
    assert found["median_seconds"] > 3600
    assert forecast(planned(100, a=HALF))["services"]["a"]["instead"] is None


def test_without_users_nothing_is_expected_but_that_a_person_is_asked() -> None:
    found = forecast(planned(0, a=DEFAULT))
    assert (found["median_seconds"], found["asked"]) == (None, 1.0)
    assert found["services"]["a"]["instead"] is None


def test_what_goes_without_a_canary_adds_nothing() -> None:
    preview = Strategy(StrategyKind.BLUE_GREEN, blue_green_steps(ANALYSIS, hold=False))
    found = forecast(planned(100, a=ROLLING, b=preview))
    assert found == {
        "services": {}, "traces": TRACES, "median_seconds": 0.0, "most_seconds": 0.0, "asked": 0.0
    }  # fmt: skip
    assert forecast({**planned(1), "deployment": None})["services"] == {}
