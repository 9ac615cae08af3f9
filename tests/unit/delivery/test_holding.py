"""Deployments that are held rather than turned back, and what a hold keeps whole."""

from dataclasses import replace

import pytest

from carelane.base.errors import RefusedError
from carelane.delivery.deployments import Kind, Phase
from carelane.delivery.replicas.fleet import Intent
from carelane.delivery.strategies import CanaryStep, StepKind, Strategy, StrategyKind
from tests.fakes import releases
from tests.fakes.instances import CRASH_LOOPING, NEVER_READY, Behaviour
from tests.fakes.simulation import Simulation, policy


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
    assert not outcome.switched
    assert "NOT switched yet: they are being started, 0 of 1 instances of v1 ready" in outcome.message
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.tick(50)
    assert simulation.phase is Phase.PAUSED
    assert simulation.weights() == {"v2": 1}, "nobody else answers, and nobody is left without"
    simulation.workloads.behaviours["v1"] = Behaviour()
    simulation.settle()
    assert (simulation.phase, simulation.weights()) == (Phase.SUCCEEDED, {"v1": 1})


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


def held_by_a_crash_loop() -> Simulation:
    """v2's canary crash-loops, and nothing is turned back by itself."""
    steps = (CanaryStep(StepKind.WEIGHT, 50), CanaryStep(StepKind.PAUSE))
    settings = replace(policy(2, automatic=False), strategy=Strategy(StrategyKind.CANARY, steps))
    simulation = Simulation(replace(settings, pause_expires_seconds=3600.0)).shipped("v1")
    simulation.release("v2", CRASH_LOOPING)
    simulation.deploy("v2")
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    return simulation


def test_a_hold_for_a_crash_loop_keeps_stable_whole() -> None:
    simulation = held_by_a_crash_loop()
    for _ in range(4):
        hung = simulation.instances("v1", Intent.SERVE)[0].id
        process = simulation.workloads.processes[hung]
        simulation.workloads.behaviours["v1"] = Behaviour(hangs_after=process.age)
        simulation.until(lambda hung=hung: hung not in {i.id for i in simulation.instances("v1")}, 10)  # type: ignore[misc]
        simulation.workloads.behaviours["v1"] = Behaviour()
        simulation.until(lambda: simulation.router.ready_of("v1") == 2, 10)
    assert simulation.phase is Phase.PAUSED


@pytest.mark.parametrize("fault", [CRASH_LOOPING, Behaviour(hangs_after=1)])
def test_a_hold_expires_whatever_fails_meanwhile(fault: Behaviour) -> None:
    simulation = held_by_a_crash_loop()
    simulation.workloads.behaviours["v2"] = fault
    simulation.tick(5)
    assert not simulation.deployment.ended
    simulation.tick(1, seconds=3600.0)
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert simulation.deployment.message == "nobody resumed it within 3600 s"
    assert simulation.weights() == {"v1": 2}


def test_a_hold_that_only_a_person_may_end_is_told_again_each_time_it_expires() -> None:
    settings = replace(policy(1, progress_deadline_seconds=20.0), pause_expires_seconds=3600.0)
    simulation = Simulation(settings, {"backend": releases.MIGRATING}).shipped("v1")
    simulation.release("v2", NEVER_READY, irreversible=True)
    simulation.deploy("v2")
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.tick(3, seconds=3600.0)
    assert simulation.phase is Phase.PAUSED
    told = simulation.entries("deployment.overdue")
    assert len(told) == 3
    assert "v2 is irreversible and has changed the data" in told[0].reason


def test_a_worker_that_died_is_replaced_though_no_proxy_answers() -> None:
    services = {"backend": releases.WEB, "reminders": releases.WORKER}
    simulation = Simulation(policy({"backend": 1, "reminders": 1}), services).shipped("v1")
    worker = simulation.instances("v1", service="reminders")[0].id
    simulation.router.silent = True
    simulation.workloads.kill(worker)
    simulation.tick(2)
    assert simulation.running("reminders") == {"v1": 1}


def test_an_abort_while_no_proxy_answers_leaves_the_canary_until_they_do() -> None:
    """cases.md A, argo-rollouts PR 4867."""
    simulation = held_by_a_crash_loop()
    simulation.workloads.behaviours["v2"] = Behaviour()
    simulation.tick(2)
    canary = [i.id for i in simulation.instances("v2")]
    simulation.router.silent = True
    simulation.tick(1)
    simulation.abort()
    simulation.tick(5, seconds=30.0)
    assert not any(simulation.workloads.processes[name].told_to_stop_at for name in canary)
    simulation.router.silent = False
    simulation.settle()
    assert (simulation.phase, simulation.running()) == (Phase.FAILED, {"v1": 2})


def test_nothing_is_stopped_that_a_proxy_may_still_name() -> None:
    """cases.md A, argo-rollouts#4390: the routing without it is not in force yet."""
    simulation = Simulation(policy(1, keep_warm=0)).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.until(lambda: bool(simulation.instances("v1", Intent.DRAIN)))
    simulation.router.late = True
    simulation.tick(5, seconds=30.0)
    assert simulation.instances("v1", Intent.DRAIN)
    simulation.router.late = False
    simulation.settle()
    assert simulation.running() == {"v2": 1}
