"""Deployments that are held rather than turned back, and what a hold keeps whole."""

import pytest

from carelane.base.errors import RefusedError
from carelane.delivery.deployments import Kind, Phase
from carelane.delivery.environments import Intent
from tests.fakes import releases
from tests.fakes.simulation import Simulation, policy
from tests.fakes.workloads import CRASH_LOOPING, NEVER_READY, Behaviour


def test_a_hung_stable_instance_is_replaced_while_a_deployment_is_paused() -> None:
    simulation = Simulation(policy(2))
    simulation.shipped("v1")
    simulation.release("v2", Behaviour(ready_after=50))
    simulation.deploy("v2")
    simulation.tick(2)
    simulation.pause()
    simulation.workloads.behaviours["v1"] = Behaviour(hangs_after=1)
    hung = {i.id for i in simulation.instances("v1")}
    simulation.until(lambda: not hung & {i.id for i in simulation.instances("v1")})
    simulation.workloads.behaviours["v1"] = Behaviour()
    simulation.until(lambda: simulation.weights() == {"v1": 2})
    assert simulation.phase is Phase.PAUSED


def test_a_canary_that_crash_loops_in_a_pause_is_turned_back() -> None:
    simulation = Simulation(policy(2))
    simulation.shipped("v1")
    simulation.release("v2", CRASH_LOOPING)
    simulation.deploy("v2")
    simulation.tick(1)
    simulation.pause()
    simulation.until(lambda: simulation.phase is Phase.FAILED)
    assert "crash loop" in simulation.deployment.message
    assert simulation.weights() == {"v1": 2}


def test_a_rollback_while_something_moves_goes_to_what_is_stable() -> None:
    simulation = Simulation(policy(1))
    simulation.shipped("v1", "v2")
    simulation.release("v3", Behaviour(ready_after=50))
    simulation.deploy("v3")
    simulation.tick(2)
    simulation.rollback()
    simulation.settle()
    assert (simulation.deployment.kind, simulation.deployment.release) == (Kind.ROLLBACK, "v2")
    assert simulation.weights() == {"v2": 1}
    assert all(revision.undone_by is None for revision in simulation.history)


def test_deploying_an_earlier_release_is_no_way_round_an_irreversible_one() -> None:
    simulation = Simulation(policy(1)).shipped("v1")
    simulation.release("v2", irreversible=True)
    simulation.deploy("v2")
    simulation.settle()
    with pytest.raises(RefusedError, match="v2 is irreversible"):
        simulation.deploy("v1")


def test_an_irreversible_release_that_fails_after_its_migration_waits_for_a_person() -> None:
    simulation = Simulation(policy(1, progress_deadline_seconds=20.0), {"backend": releases.MIGRATING})
    simulation.shipped("v1")
    simulation.release("v2", NEVER_READY, irreversible=True)
    simulation.deploy("v2")
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    assert "irreversible" in simulation.deployment.message
    simulation.abort()
    simulation.settle()
    assert simulation.phase is Phase.FAILED


def test_an_emergency_that_cannot_start_its_version_never_goes_back_to_the_bad_one_by_itself() -> None:
    simulation = Simulation(policy(1, keep_warm=0, progress_deadline_seconds=20.0)).shipped("v1", "v2")
    simulation.workloads.behaviours["v1"] = NEVER_READY
    outcome = simulation.emergency()
    assert outcome.message.startswith("NOT switched yet")
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.tick(50)
    assert simulation.phase is Phase.PAUSED
    simulation.workloads.behaviours["v1"] = Behaviour()
    assert simulation.instances("v1", Intent.SERVE)


def test_a_held_emergency_does_not_turn_back_to_the_bad_version_when_its_pause_expires() -> None:
    simulation = Simulation(policy(1, keep_warm=0, progress_deadline_seconds=20.0)).shipped("v1", "v2")
    simulation.workloads.behaviours["v1"] = NEVER_READY
    simulation.emergency()
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.tick(2, seconds=100_000.0)
    assert simulation.phase is Phase.PAUSED


def test_a_migration_that_was_paused_has_a_fresh_deadline_when_it_goes_on() -> None:
    settings = policy(1, progress_deadline_seconds=20.0)
    simulation = Simulation(settings, {"backend": releases.MIGRATING})
    simulation.release("v1", Behaviour(migrates_for=8))
    simulation.deploy("v1")
    simulation.tick(2)
    simulation.pause()
    simulation.clock.advance(60.0)
    simulation.resume()
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
