import pytest
from hypothesis import given
from hypothesis import strategies as st

from carelane.base.errors import InputError
from carelane.delivery.policies import Pace, Policy
from carelane.delivery.strategies import (
    DEFAULTS,
    ROLLING,
    CanaryStep,
    StepKind,
    Strategy,
    StrategyKind,
)


@pytest.mark.parametrize(
    ("unavailable", "surge", "replicas", "resolved"),
    [
        (1, 1, 1, (1, 1)),
        (0, 1, 4, (0, 1)),
        (1, 0, 4, (1, 0)),
        ("25%", "25%", 4, (1, 1)),
        ("25%", "25%", 3, (0, 1)),
        ("25%", "25%", 5, (1, 2)),
        ("25%", "25%", 10, (2, 3)),
        ("100%", "0%", 3, (3, 0)),
        ("50%", 2, 3, (1, 2)),
    ],
)
def test_a_share_of_the_replicas_is_rounded_up_for_surge_and_down_for_unavailable(
    unavailable: int | str, surge: int | str, replicas: int, resolved: tuple[int, int]
) -> None:
    assert Pace(unavailable, surge).resolved(replicas) == resolved


@pytest.mark.parametrize("pace", [Pace(0, 0), Pace("0%", "0%"), Pace("10%", 0)])
def test_a_pace_that_would_never_move_is_given_one_extra_instance(pace: Pace) -> None:
    assert pace.resolved(3) == (0, 1)


@pytest.mark.parametrize("share", ["many", "25", "%", "-5%", "2.5%"])
def test_what_is_neither_number_nor_percentage_is_refused(share: str) -> None:
    with pytest.raises(InputError, match="neither a number nor a percentage"):
        Pace(share, 1).resolved(2)


@given(st.integers(0, 100), st.integers(0, 100), st.integers(1, 100))
def test_percentages_never_allow_more_than_all_and_always_something(
    unavailable: int, surge: int, replicas: int
) -> None:
    missing, added = Pace(f"{unavailable}%", f"{surge}%").resolved(replicas)
    assert 0 <= missing <= replicas
    assert 0 <= added <= replicas
    assert missing or added


def test_a_service_of_which_nothing_is_said_has_one_replica() -> None:
    assert Policy({"backend": 3}).replicas_of("frontend") == 1
    assert Policy({"backend": 3}).replicas_of("backend") == 3


def _pausing(seconds: float | None) -> Strategy:
    steps = (CanaryStep(StepKind.WEIGHT, 50), CanaryStep(StepKind.PAUSE, seconds=seconds))
    return Strategy(StrategyKind.CANARY, steps)


JUDGED = DEFAULTS[StrategyKind.CANARY]
SWITCHED = DEFAULTS[StrategyKind.BLUE_GREEN]


@pytest.mark.parametrize(
    ("usual", "chosen", "lost"),
    [
        (JUDGED, ROLLING, ["the steps of canary"]),
        (SWITCHED, ROLLING, ["the steps of blue-green"]),
        (JUDGED, SWITCHED, ["its analysis"]),
        (_pausing(None), JUDGED, ["a person's word"]),
        (_pausing(5), JUDGED, []),
        (ROLLING, JUDGED, []),
        (JUDGED, JUDGED, []),
        (SWITCHED, JUDGED, []),
    ],
)
def test_a_strategy_is_weaker_where_it_leaves_out_what_the_usual_one_asks(
    usual: Strategy, chosen: Strategy, lost: list[str]
) -> None:
    assert Policy(strategy=usual).given_up(chosen) == lost
    assert Policy(by_service={"web": usual}).given_up(chosen) == lost
