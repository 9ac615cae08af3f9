"""Going past a canary step that waits, and letting a failure go: both are a person's word, and recorded."""

from dataclasses import replace

import pytest

from carelane.base.errors import ConflictError
from carelane.delivery.decisions.commands import At
from carelane.delivery.deployments import Phase
from carelane.delivery.policies import Policy, RollbackPolicy
from carelane.delivery.strategies import CanaryStep, OnInconclusive, StepKind
from tests.fakes.instances import CRASH_LOOPING, NEVER_READY, Behaviour
from tests.fakes.simulation import Simulation
from tests.unit.delivery.test_stepping import BUSY, analysis, canary, on_its_way, pause, weight


def test_promote_goes_past_the_step_that_waits() -> None:
    simulation = on_its_way(canary(weight(25), pause(), weight(50), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.promote()
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    assert simulation.weights() == {"v1": 5000, "v2": 5000}
    (entry,) = simulation.entries("deployment.promoted")
    assert (entry.actor, entry.reason, entry.details["full"]) == ("alice", "looks good", False)


def test_promote_full_goes_past_all_of_them() -> None:
    simulation = on_its_way(canary(weight(25), pause(), weight(50), analysis(), pause()), busy=0.0)
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.promote(full=True)
    simulation.settle()
    assert (simulation.phase, simulation.weights()) == (Phase.SUCCEEDED, {"v2": 4})


def test_abort_wins_over_promote() -> None:
    simulation = on_its_way(canary(weight(25), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.abort()
    with pytest.raises(ConflictError):
        simulation.promote(full=True)
    simulation.settle()
    assert simulation.state.release == "v1"


def test_where_nothing_is_at_a_canary_step_there_is_nothing_to_promote() -> None:
    simulation = Simulation().shipped("v1")
    with pytest.raises(ConflictError, match="nothing is moving"):
        simulation.promote()
    simulation.release("v2", NEVER_READY)
    simulation.deploy("v2")
    simulation.tick()
    with pytest.raises(ConflictError, match="at no step"):
        simulation.promote()


def test_a_weight_is_not_skipped() -> None:
    """The next weight is not ready yet: going past it would put what comes after on too few instances."""
    simulation = on_its_way(canary(weight(25), pause(), weight(75), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.workloads.behaviours["v2"] = Behaviour(ready_after=50)
    simulation.resume()
    simulation.tick()
    with pytest.raises(ConflictError, match="at step 3, weight 75 %: that cannot be skipped"):
        simulation.promote()
    assert simulation.deployment.rollouts["backend"].step == 2


def test_while_it_takes_over_there_is_no_step_left_to_go_past() -> None:
    simulation = on_its_way(canary(weight(25), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.workloads.behaviours["v2"] = Behaviour(ready_after=50)
    simulation.resume()
    simulation.until(lambda: simulation.deployment.rollouts["backend"].current_step is None)
    with pytest.raises(ConflictError, match="at no step"):
        simulation.promote()


@pytest.mark.parametrize("seen", [At(2, 2), At(2), At(step=2), At()])
def test_what_was_seen_is_gone_past(seen: At) -> None:
    simulation = on_its_way(canary(weight(25), pause(), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.operations.promote("production", "alice", "fine", full=False, seen=seen)
    simulation.tick()
    assert simulation.deployment.rollouts["backend"].step == 2


@pytest.mark.parametrize("seen", [At(1, 2), At(2, 1), At(step=3)])
def test_what_has_moved_on_since_it_was_seen_is_not(seen: At) -> None:
    simulation = on_its_way(canary(weight(25), pause(), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    with pytest.raises(ConflictError, match="it has moved on: deployment 2 is at step 2"):
        simulation.operations.promote("production", "alice", "fine", full=False, seen=seen)
    assert simulation.phase is Phase.PAUSED


# -- failures that a person lets go


def by_hand(*steps: CanaryStep) -> Policy:
    """Nothing turns back by itself."""
    return replace(canary(*steps), rollback=RollbackPolicy(automatic=False, progress_deadline_seconds=60.0))


@pytest.mark.parametrize("verb", ["resume", "promote"])
def test_a_verdict_that_a_person_overrules_holds_it_no_more_and_the_trail_says_who(verb: str) -> None:
    simulation = on_its_way(by_hand(weight(25), analysis(), weight(50), analysis()), errors=0.3)
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 60)
    assert "worse" in simulation.deployment.message
    getattr(simulation, verb)("the lab did that")
    simulation.settle()
    assert (simulation.phase, simulation.state.release) == (Phase.SUCCEEDED, "v2")
    (entry,) = simulation.entries("rollout.overruled")
    assert (entry.actor, entry.reason, entry.details["failure"]) == ("alice", "the lab did that", "analysis")


def test_one_kind_that_was_let_go_does_not_cover_another() -> None:
    simulation = on_its_way(by_hand(weight(25), analysis(), pause()), errors=0.3)
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 60)
    simulation.resume()
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 10)
    simulation.resume()
    simulation.workloads.behaviours["v2"] = CRASH_LOOPING
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 10)
    assert "crash loop" in simulation.deployment.message


def test_a_failure_that_nobody_has_seen_yet_is_not_let_go_by_resuming_a_pause() -> None:
    simulation = on_its_way(by_hand(weight(25), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.metrics.error_ratios = {"v2": 0.5}
    simulation.tick(60)
    simulation.resume()
    simulation.until(lambda: "worse" in simulation.deployment.message, 5)
    assert simulation.phase is Phase.PAUSED


def test_a_check_that_failed_is_run_again_on_resume() -> None:
    check = CanaryStep(StepKind.CHECK, seconds=20, command=("smoke",))
    simulation = on_its_way(by_hand(check, weight(50)), behaviour=Behaviour(migration_exit_code=1))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    assert "backend.check-2-1 ended with exit code 1" in simulation.deployment.message
    simulation.workloads.behaviours["v2"] = Behaviour()
    simulation.resume()
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    assert [n for n in simulation.workloads.started if "check" in n] == [
        "backend.check-2-1",
        "backend.check-2-1-2",
    ]


def test_a_deadline_begins_anew_on_resume_and_holds_again() -> None:
    simulation = on_its_way(by_hand(weight(50)), behaviour=NEVER_READY)
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 70)
    simulation.resume()
    simulation.tick(50)
    assert simulation.phase is Phase.PROGRESSING
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 20)
    assert simulation.entries("rollout.overruled") == []


def test_letting_no_verdict_go_says_nothing_of_a_verdict_that_comes_later() -> None:
    settings = by_hand(weight(25), analysis(30), weight(50), analysis(600), pause())
    settings = replace(settings, strategy=replace(settings.strategy, on_inconclusive=OnInconclusive.ABORT))
    simulation = on_its_way(settings, busy=0.0)
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 60)
    assert "undecided: no verdict after 30 s" in simulation.deployment.message
    simulation.resume("nobody is up yet")
    simulation.until(lambda: simulation.weights() == {"v1": 5000, "v2": 5000}, 10)
    simulation.metrics.requests_per_second = BUSY
    simulation.metrics.error_ratios = {"v2": 0.3}
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 60)
    assert "analysis: canary failed" in simulation.deployment.message
