"""An undo that is under way is not taken back by asking for the bad release again."""

from dataclasses import replace

import pytest

from carelane.base.errors import ConflictError
from carelane.delivery.deployments import Phase
from carelane.delivery.incidents import Cause
from carelane.delivery.requesting import Outcome, Wanted
from carelane.delivery.strategies import CanaryStep, StepKind, Strategy, StrategyKind
from tests.fakes.instances import CRASH_LOOPING, NEVER_READY, WELL, Behaviour
from tests.fakes.releases import WEB, WORKER
from tests.fakes.simulation import Simulation, policy

FIFTH = Strategy(StrategyKind.CANARY, (CanaryStep(StepKind.WEIGHT, 20), CanaryStep(StepKind.PAUSE)))
BOTH = {"backend": WEB, "reminders": WORKER}


def moved() -> Simulation:
    """A rollback has users on v1 already; a worker of v2 ends still."""
    simulation = Simulation(policy({"backend": 2, "reminders": 1}), BOTH).shipped("v1", "v2")
    simulation.workloads.behaviours["reminders", "v2"] = Behaviour(ends_after=8)
    simulation.rollback()
    simulation.until(lambda: simulation.weights() == {"v1": 2})
    assert not simulation.deployment.ended
    return simulation


def by_token(simulation: Simulation, release: str) -> Outcome:
    return simulation.operations.deploy("production", release, "token ci", "", Wanted(by_token=True))


def test_a_pipelines_token_does_not_bring_back_what_a_rollback_leaves() -> None:
    simulation = moved()
    before = simulation.snapshot
    with pytest.raises(ConflictError, match="v2 would bring back what is left: backend v2, reminders v2"):
        by_token(simulation, "v2")
    assert simulation.snapshot == before
    simulation.settle()
    assert (simulation.phase, simulation.state.release) == (Phase.SUCCEEDED, "v1")


def test_nor_before_anybody_has_been_moved() -> None:
    simulation = Simulation(policy(2, keep_warm=0)).shipped("v1", "v2")
    simulation.workloads.behaviours["v1"] = NEVER_READY
    simulation.rollback()
    simulation.tick(3)
    with pytest.raises(ConflictError, match="would bring back"):
        by_token(simulation, "v2")


def test_a_person_may_and_it_is_a_deployment_like_any_other() -> None:
    simulation = moved()
    simulation.deploy("v2")
    assert simulation.weights() == {"v1": 2}, "users who were moved stay moved until it is there"
    assert set(simulation.deployment.rollouts) == {"backend", "reminders"}
    simulation.settle()
    assert (simulation.phase, simulation.weights()) == (Phase.SUCCEEDED, {"v2": 2})
    assert [r.release for r in simulation.history] == ["v2", "v1", "v2", "v1"]
    assert simulation.state.service("backend").watch is not None, "it is watched as it was the first time"


def test_users_who_were_moved_stay_moved_while_a_fix_goes_by_canary() -> None:
    simulation = moved()
    simulation.use(replace(simulation.engine.policy, strategy=FIFTH))
    simulation.release("v3", services=BOTH)
    by_token(simulation, "v3")
    for _ in range(20):
        simulation.tick()
        assert set(simulation.weights()) <= {"v1", "v3"}, simulation.describe()
    assert simulation.weights() == {"v1": 8000, "v3": 2000}
    assert simulation.state.release == "v1"
    simulation.abort()
    simulation.settle()
    assert (simulation.weights(), simulation.running("reminders")) == ({"v1": 2}, {"v1": 1})


def test_the_watch_that_a_superseded_undo_spent_is_given_back() -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    simulation.workloads.behaviours["v2"] = CRASH_LOOPING
    simulation.until(lambda: simulation.deployment.author == "carelane")
    first = simulation.deployment.id
    watch = simulation.state.service("backend").watch
    assert watch is not None
    assert watch.spent_by == first
    assert simulation.phase is Phase.WAITING, "nobody has been moved by it"
    simulation.deploy("v2", "once more")
    simulation.until(lambda: simulation.deployment.author == "carelane", within=30)
    assert simulation.deployment.id > first + 1
    simulation.settle()
    assert (simulation.state.release, simulation.incidents[0].cause) == ("v1", Cause.CRASH_LOOP)


# -- what was left in an emergency


def left_in_an_emergency() -> Simulation:
    simulation = Simulation(policy({"backend": 2, "reminders": 1}), BOTH).shipped("v1", "v2")
    simulation.emergency()
    simulation.settle()
    return simulation


def test_what_was_left_in_an_emergency_is_not_deployed_again_by_a_token() -> None:
    simulation = left_in_an_emergency()
    with pytest.raises(ConflictError, match="v2 was left by alice's emergency rollback 3") as caught:
        by_token(simulation, "v2")
    assert "or a person deploys" in caught.value.hint
    simulation.release("v3", services=BOTH, changes=("backend",))
    by_token(simulation, "v3")
    simulation.settle()
    assert simulation.state.release == "v3", "a fix has some of what was left"
    with pytest.raises(ConflictError, match="v2 was left"):
        by_token(simulation, "v2")


def test_a_person_may_deploy_it_at_any_time_and_then_a_token_may_again() -> None:
    simulation = left_in_an_emergency()
    simulation.deploy("v2")
    simulation.settle()
    assert simulation.state.release == "v2"
    simulation.release("v3", services=BOTH)
    simulation.deploy("v3")
    simulation.settle()
    by_token(simulation, "v2")
    simulation.settle()
    assert simulation.state.release == "v2"


def test_an_emergency_that_was_given_up_before_it_left_anything_holds_up_no_token() -> None:
    simulation = Simulation(policy(2, keep_warm=0)).shipped("v1", "v2")
    simulation.workloads.behaviours["v1"] = NEVER_READY
    simulation.emergency()
    simulation.tick(2)
    simulation.abort()
    simulation.release("v3")
    by_token(simulation, "v3")
    simulation.settle()
    by_token(simulation, "v2")
    simulation.settle()
    assert simulation.state.release == "v2"


def test_a_fix_by_a_token_that_has_some_of_what_a_rollback_leaves_is_not_refused() -> None:
    simulation = moved()
    simulation.release("v3", services=BOTH, changes=("backend",))
    by_token(simulation, "v3")
    simulation.settle()
    assert (simulation.phase, simulation.weights()) == (Phase.SUCCEEDED, {"v3": 2})


# -- incidents


def undone() -> Simulation:
    """v2 crash-loops after its success: users are back on v1 by an undo, whose worker ends still."""
    simulation = Simulation(policy({"backend": 2, "reminders": 1}), BOTH).shipped("v1", "v2")
    simulation.workloads.behaviours["backend", "v2"] = CRASH_LOOPING
    simulation.workloads.behaviours["reminders", "v2"] = Behaviour(ends_after=8)
    simulation.until(lambda: simulation.weights() == {"v1": 2})
    assert not simulation.deployment.ended
    return simulation


def test_an_incident_is_over_when_its_undo_is_and_since_users_were_back() -> None:
    simulation = undone()
    back = simulation.clock.now()
    simulation.tick(3)
    (incident,) = simulation.incidents
    assert incident.resolved_at is None, "the undo may still turn back"
    simulation.settle()
    (incident,) = simulation.incidents
    assert incident.resolved_at is not None
    assert abs((incident.resolved_at - back).total_seconds()) <= 1.0
    assert simulation.clock.now() > incident.resolved_at


def test_the_incident_of_an_undo_that_is_taken_back_stays_open() -> None:
    simulation = undone()
    simulation.workloads.behaviours["backend", "v2"] = WELL
    simulation.abort("v1 is worse")
    simulation.settle()
    assert simulation.state.release == "v2"
    (incident,) = simulation.incidents
    assert incident.resolved_at is None
