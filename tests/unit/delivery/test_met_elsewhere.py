"""What people met with other tools (cases.md, part A), where no other file is about it."""

from dataclasses import replace

import pytest

from carelane.delivery.deployments import Phase
from carelane.delivery.strategies import CanaryStep, StepKind
from tests.fakes.instances import NEVER_READY, Behaviour
from tests.fakes.simulation import Simulation
from tests.unit.delivery.test_stepping import analysis, canary, on_its_way, pause, weight


def test_a_canary_that_begins_to_fail_while_it_waits_for_a_person_is_ended_by_itself() -> None:
    """flagger#1801."""
    simulation = on_its_way(canary(weight(10), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.tick(5)
    simulation.metrics.error_ratios = {"v2": 0.3}
    simulation.until(lambda: simulation.deployment.ended, 60)
    assert simulation.phase is Phase.FAILED
    assert simulation.weights() == {"v1": 4}


def passed_and_stuck() -> Simulation:
    """A canary that passed, whose instances added for all users never get ready."""
    simulation = on_its_way(canary(weight(25), pause(5)))
    simulation.use(
        replace(
            simulation.engine.policy,
            rollback=replace(simulation.engine.policy.rollback, progress_deadline_seconds=60.0),
        )
    )
    ready = simulation.workloads.ready
    simulation.until(lambda: bool(simulation.instances("v2")))
    first = {i.id for i in simulation.instances("v2")}
    simulation.router.ready = lambda name: ready(name) and (name in first or not _is_v2(simulation, name))
    simulation.until(lambda: len(simulation.instances("v2")) == 4, 60)
    return simulation


def _is_v2(simulation: Simulation, name: str) -> bool:
    return simulation.workloads.processes[name].version.label == "v2"


def test_a_promotion_whose_added_instances_never_get_ready_is_undone_by_itself() -> None:
    """flagger#1591."""
    simulation = passed_and_stuck()
    simulation.until(lambda: simulation.deployment.ended, 100)
    assert "deadline" in simulation.deployment.message
    assert simulation.weights() == {"v1": 4}


@pytest.mark.parametrize("verb", ["abort", "emergency", "rollback"])
def test_a_stuck_promotion_is_left_at_once_by_whoever_asks(verb: str) -> None:
    """flagger#1588."""
    simulation = passed_and_stuck()
    getattr(simulation, verb)()
    simulation.tick(2)
    assert set(simulation.weights()) == {"v1"}


@pytest.mark.parametrize("code", [1, 127, -9, -15])
def test_a_check_that_ends_in_any_other_way_than_well_never_passes(code: int) -> None:
    """argo-rollouts PR 4602: it does not exist, it fails, it dies of a signal."""
    check = CanaryStep(StepKind.CHECK, seconds=20, command=("smoke",))
    simulation = on_its_way(canary(check, weight(50)), behaviour=Behaviour(migration_exit_code=code))
    simulation.until(lambda: simulation.deployment.ended, 60)
    assert simulation.phase is Phase.FAILED
    assert simulation.weights() == {"v1": 4}


def test_a_check_that_overruns_never_passes_and_one_whose_server_ends_in_the_middle_is_waited_for() -> None:
    """argo-rollouts#1329."""
    check = CanaryStep(StepKind.CHECK, seconds=20, command=("smoke",))
    simulation = on_its_way(canary(check, weight(50)), behaviour=Behaviour(migrates_for=0))
    simulation.tick(5)
    simulation.restart_server()
    simulation.until(lambda: simulation.deployment.ended, 60)
    assert simulation.phase is Phase.FAILED
    assert "check: not right within 20 s" in simulation.deployment.message


def test_after_an_undone_canary_only_stable_returns_from_a_machine_that_was_switched_off() -> None:
    """nomad#5619."""
    simulation = on_its_way(canary(weight(50), analysis()), errors=0.3)
    simulation.until(lambda: simulation.deployment.ended, 60)
    simulation.settle()
    for name in list(simulation.workloads.processes):
        simulation.workloads.kill(name)
    simulation.restart_server()
    simulation.tick(5)
    assert simulation.running() == {"v1": 4}


def test_a_canary_that_cannot_be_started_for_a_moment_goes_on_by_itself() -> None:
    """nomad#20308: a port that is taken and then free again."""
    simulation = on_its_way(canary(weight(50), pause()))
    simulation.workloads.failing_starts = 2
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 20)
    assert simulation.weights() == {"v1": 5000, "v2": 5000}


def test_the_very_commit_that_was_asked_for_is_deployed() -> None:
    """coolify#1976, gitploy#476: main has moved on since."""
    simulation = Simulation().shipped("v1", "v2", "v3")
    commit = simulation.repository.release_named("v1").commit
    outcome = simulation.deploy(commit[:10])
    assert outcome.deployment is not None
    assert outcome.deployment.release == "v1"
    assert {r.to_label for r in outcome.deployment.rollouts.values()} == {"v1"}


def test_a_release_that_never_gets_ready_is_not_called_good_however_long_one_waits() -> None:
    """moby PR 42875, its other half."""
    simulation = Simulation().shipped("v1")
    simulation.release("v2", NEVER_READY)
    simulation.deploy("v2")
    simulation.settle(700)
    assert (simulation.phase, simulation.weights()) == (Phase.FAILED, {"v1": 2})
