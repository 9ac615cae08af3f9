"""The stories of every strategy and the three rollbacks, on the real cluster, with users at the gateway."""

import time
from collections.abc import Callable
from dataclasses import replace

import pytest

from carelane.delivery.deployments import Phase
from carelane.delivery.policies import Pace
from carelane.delivery.strategies import DEFAULTS, CanaryStep, StepKind, Strategy, StrategyKind
from carelane.platforms.kubernetes.platform import KubernetesPlatform
from tests.cluster.environment import NEVER_READY, OnRealCluster, late_seconds
from tests.fakes.simulation import policy
from tests.load import Answer

HALF = Strategy(StrategyKind.CANARY, (CanaryStep(StepKind.WEIGHT, 50), CanaryStep(StepKind.PAUSE)))
UNDONE_WITHIN_SECONDS = 2.0
"""What a loaded machine may take for one PATCH; what it takes at rest is in bench/RESULTS.md."""

pytestmark = pytest.mark.timeout(400)
Make = Callable[..., OnRealCluster]


@pytest.fixture
def environment(namespace: str, kubernetes: KubernetesPlatform) -> Make:
    def make(strategy: Strategy | None = None, **rollback: float) -> OnRealCluster:
        wanted = policy(2, Pace(1, 1), **rollback)
        if strategy is not None:
            wanted = replace(wanted, strategy=strategy)
        return OnRealCluster(wanted, kubernetes, namespace)

    return make


def lost(answers: list[Answer]) -> list[Answer]:
    return [answer for answer in answers if answer.lost or answer.status != 200]


def undone(here: OnRealCluster, undo: Callable[[], object]) -> None:
    """v1 has all the users again, and none was lost on the way."""
    with here.load() as load:
        undo()
        here.settle()
        settled = time.monotonic()
        here.tick(10)
    assert here.arrived
    assert (lost(load.answers), since(load.answers, settled)) == ([], {"v1"})


def since(answers: list[Answer], moment: float) -> set[str | None]:
    return {answer.version for answer in answers if answer.sent > moment}


def test_a_rolling_replacement_arrives_and_loses_nothing(environment: Make) -> None:
    here = environment().shipped("v1")
    here.release("v2")
    with here.load() as load:
        here.deploy("v2")
        here.settle()
        settled = time.monotonic()
        here.tick(10)
    assert here.arrived
    assert (lost(load.answers), since(load.answers, settled)) == ([], {"v2"})
    assert {answer.version for answer in load.answers} == {"v1", "v2"}


def test_a_canary_gets_its_share_and_then_all(environment: Make) -> None:
    here = environment(HALF).shipped("v1")
    here.release("v2")
    with here.load() as load:
        here.deploy("v2")
        here.until(lambda: here.phase is Phase.PAUSED)
        began = time.monotonic()
        here.tick(30)
        ended = time.monotonic()
        here.promote()
        here.settle()
        settled = time.monotonic()
        here.tick(10)
    shared = [answer.version for answer in load.answers if began < answer.sent < ended]
    assert 0.3 < shared.count("v2") / len(shared) < 0.7
    assert here.arrived
    assert (lost(load.answers), since(load.answers, settled)) == ([], {"v2"})


def test_at_an_abort_of_a_canary_all_users_leave_at_once(environment: Make) -> None:
    here = environment(HALF).shipped("v1")
    here.release("v2")
    with here.load() as load:
        here.deploy("v2")
        here.until(lambda: here.phase is Phase.PAUSED)
        began = time.monotonic()
        here.abort()
        here.settle()
    assert late_seconds(load.answers, "v2", began) < UNDONE_WITHIN_SECONDS
    assert lost(load.answers) == []


def test_blue_green_switches_everybody_at_once(environment: Make) -> None:
    here = environment(DEFAULTS[StrategyKind.BLUE_GREEN]).shipped("v1")
    here.release("v2")
    with here.load() as load:
        here.deploy("v2")
        here.settle()
    assert here.arrived
    assert lost(load.answers) == []
    first = min(a.sent for a in load.answers if a.version == "v2")
    assert late_seconds(load.answers, "v1", first) < UNDONE_WITHIN_SECONDS


@pytest.mark.parametrize("keep_warm", [0, 1])
def test_a_rollback_by_hand_puts_the_version_before_back(environment: Make, keep_warm: int) -> None:
    here = environment(keep_warm=keep_warm).shipped("v1", "v2")
    undone(here, here.rollback)


def test_an_emergency_to_what_is_warm_is_one_change(environment: Make) -> None:
    here = environment().shipped("v1", "v2")
    with here.load() as load:
        here.tick(10)
        began = time.monotonic()
        here.emergency()
        here.settle()
    assert late_seconds(load.answers, "v2", began) < UNDONE_WITHIN_SECONDS
    assert here.arrived
    assert lost(load.answers) == []


def test_an_emergency_to_what_has_to_be_started_follows_what_gets_ready(environment: Make) -> None:
    here = environment(keep_warm=0).shipped("v1", "v2")
    undone(here, here.emergency)


def test_what_never_gets_ready_is_undone_by_itself_and_nobody_gets_it(environment: Make) -> None:
    here = environment(progress_deadline_seconds=15.0).shipped("v1")
    here.settings["v2"] = NEVER_READY
    here.release("v2")
    with here.load() as load:
        here.deploy("v2")
        here.settle()
    assert here.phase is Phase.FAILED
    assert (lost(load.answers), since(load.answers, 0.0)) == ([], {"v1"})
