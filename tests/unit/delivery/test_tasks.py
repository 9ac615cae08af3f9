"""Migrations and checks: of one service never two at once, whatever is asked for in between.

The workloads of every simulation refuse a second task of a service, and a second start of any.
"""

import contextlib
import random
from dataclasses import replace

import pytest

from carelane.base.errors import CarelaneError
from carelane.delivery.deployments import Migration, Phase
from carelane.delivery.strategies import CanaryStep, StepKind, Strategy, StrategyKind
from tests.fakes.instances import Behaviour
from tests.fakes.releases import MIGRATING, WEB
from tests.fakes.simulation import Simulation, policy

STUBBORN = Behaviour(migrates_for=0, ends_after=8)
"""A migration that goes on until it is told to end, and then takes its time."""


def stubborn(deadline_seconds: float = 60.0, **more: Behaviour) -> Simulation:
    """v1 runs, and the migration of v2 is under way."""
    simulation = Simulation(policy(2, progress_deadline_seconds=deadline_seconds), {"backend": MIGRATING})
    simulation.shipped("v1")
    simulation.release("v2", more.get("v2", STUBBORN))
    simulation.deploy("v2")
    simulation.until(lambda: "backend.migrate-2" in simulation.workloads.processes)
    return simulation


def test_a_superseded_migration_has_ended_before_the_next_begins() -> None:
    simulation = stubborn()
    simulation.release("v3")
    simulation.deploy("v3")
    simulation.tick(3)
    rollout = simulation.deployment.rollouts["backend"]
    assert (rollout.migration, rollout.reason) == (Migration.NONE, "waits for backend.migrate-2 to end")
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    assert simulation.deployment.rollouts["backend"].reason == ""
    assert simulation.tasks() == ["backend.migrate-1", "backend.migrate-2", "backend.migrate-3"]


def test_an_aborted_migration_has_ended_before_it_is_tried_again() -> None:
    simulation = stubborn()
    simulation.abort()
    simulation.operations.retry("production", "alice")
    simulation.tick(3)
    assert simulation.tasks() == ["backend.migrate-1", "backend.migrate-2"]
    simulation.workloads.behaviours["v2"] = replace(STUBBORN, migrates_for=1)
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    assert simulation.tasks()[-1] == "backend.migrate-3"


def test_a_migration_that_does_not_end_when_told_to_is_waited_for_up_to_the_deadline() -> None:
    simulation = stubborn(deadline_seconds=30.0, v2=replace(STUBBORN, ends_after=1000))
    simulation.release("v3")
    simulation.deploy("v3")
    simulation.tick(29)
    assert simulation.phase is Phase.PROGRESSING
    simulation.until(lambda: simulation.phase is Phase.FAILED, within=5)
    said = "backend: migration: backend.migrate-2, told to end before, has not ended within 30 s"
    assert simulation.deployment.message == said
    assert simulation.tasks() == ["backend.migrate-1", "backend.migrate-2"]
    assert simulation.weights() == {"v1": 2}


def test_a_server_that_starts_meanwhile_waits_as_well() -> None:
    simulation = stubborn()
    simulation.release("v3")
    simulation.deploy("v3")
    simulation.restart_server()
    simulation.tick(3)
    assert simulation.tasks()[-1] == "backend.migrate-2"
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED


def test_who_has_nothing_to_migrate_is_not_held_up() -> None:
    simulation = stubborn(v2=replace(STUBBORN, ends_after=1000))
    simulation.release("v3", services={"backend": WEB})
    simulation.deploy("v3")
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED, within=15)
    assert simulation.weights() == {"v3": 2}


@pytest.mark.parametrize("emergency", [False, True])
def test_no_way_back_is_held_up_by_a_migration(emergency: bool) -> None:
    simulation = Simulation(policy(2), {"backend": MIGRATING}).shipped("v1", "v2")
    simulation.release("v3", replace(STUBBORN, ends_after=1000))
    simulation.deploy("v3")
    simulation.until(lambda: "backend.migrate-3" in simulation.workloads.processes)
    simulation.abort()
    simulation.tick(2)
    go_back = simulation.emergency if emergency else simulation.rollback
    go_back()
    simulation.until(lambda: simulation.weights() == {"v1": 2}, within=10)
    assert not simulation.workloads.processes["backend.migrate-3"].ended


def test_a_task_whose_keeper_is_gone_is_given_another() -> None:
    simulation = stubborn()
    simulation.workloads.processes["backend.migrate-2"].supervised = False
    simulation.tick(2)
    assert simulation.workloads.processes["backend.migrate-2"].supervised
    assert simulation.workloads.started.count("backend.migrate-2") == 1


# -- checks


def checked(seconds: float = 5.0) -> Simulation:
    """v2's check, a command that hangs, is under way; a person is asked when it is late."""
    check = CanaryStep(StepKind.CHECK, seconds=seconds, command=("smoke",))
    steps = (check, CanaryStep(StepKind.WEIGHT, 100))
    by_hand = replace(policy(1, automatic=False), strategy=Strategy(StrategyKind.CANARY, steps))
    simulation = Simulation(by_hand).shipped("v1")
    simulation.release("v2", STUBBORN)
    simulation.deploy("v2")
    simulation.until(lambda: "backend.check-2-1" in simulation.workloads.processes)
    return simulation


def test_a_check_that_is_asked_again_begins_once_the_former_has_ended() -> None:
    simulation = checked()
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.resume()
    simulation.tick(2)
    assert "backend.check-2-1-2" not in simulation.workloads.started
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    said = "backend: check: not right within 5 s: backend.check-2-1 has not ended"
    assert simulation.deployment.message.startswith(said)
    simulation.resume()
    simulation.until(lambda: "backend.check-2-1-3" in simulation.workloads.started)


def test_a_check_waits_for_that_of_the_deployment_before() -> None:
    simulation = checked(seconds=60.0)
    simulation.release("v3", Behaviour())
    simulation.deploy("v3")
    simulation.tick(3)
    assert "backend.check-3-1" not in simulation.workloads.started
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED


# -- whatever comes in between


@pytest.mark.parametrize("seed", range(30))
def test_no_order_of_events_runs_two_tasks_of_a_service_at_once(seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 - a simulation's, to be had again by its seed
    check = CanaryStep(StepKind.CHECK, seconds=6, command=("smoke",))
    steps = (check, CanaryStep(StepKind.WEIGHT, 50), check, CanaryStep(StepKind.WEIGHT, 100))
    asking = policy(2, automatic=chance.random() < 0.5, progress_deadline_seconds=25.0)
    strategy = Strategy(StrategyKind.CANARY, steps)
    simulation = Simulation(replace(asking, strategy=strategy), {"backend": MIGRATING, "search": MIGRATING})
    count = 0

    def deploy() -> None:
        nonlocal count
        count += 1
        name = f"v{count}"
        takes = Behaviour(
            migrates_for=chance.choice([0, 1, 5]),
            ends_after=chance.choice([1, 4, 12]),
            migration_exit_code=chance.choice([0, 0, 0, 1]),
        )
        simulation.release(name, takes)
        simulation.deploy(name)

    acts = (
        deploy,
        simulation.abort,
        simulation.pause,
        simulation.resume,
        simulation.promote,
        simulation.rollback,
        simulation.restart_server,
        lambda: simulation.operations.retry("production", "alice"),
    )
    deploy()
    simulation.tick(2)
    for _ in range(60):
        with contextlib.suppress(CarelaneError):  # what is refused now may be taken later
            chance.choice(acts)()
        simulation.tick(chance.choice([1, 2, 5]))
    assert simulation.tasks()
