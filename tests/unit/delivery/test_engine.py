"""The loop: observe, decide, record, act, and what an interruption at each point leads to."""

from dataclasses import replace

import pytest

from carelane.base.errors import PlatformError
from carelane.base.loops import Loop
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import Migration, Phase
from carelane.delivery.engine import IDLE_SECONDS, MOVING_SECONDS
from carelane.delivery.environments import EnvironmentState
from carelane.delivery.policies import Pace
from carelane.delivery.replicas.fleet import Intent
from tests.fakes.instances import Behaviour
from tests.fakes.releases import WEB, WORKER
from tests.fakes.simulation import Simulation, policy


def test_an_instance_that_could_not_be_started_is_started_by_the_next_tick() -> None:
    simulation = Simulation()
    simulation.release("v1")
    simulation.deploy("v1")
    simulation.workloads.failing_starts = 3
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    assert [str(error) for error in simulation.reported] == [
        "cannot start backend-1",
        "cannot start backend-2",
        "cannot start backend-1",
    ]


def test_a_crash_between_record_and_act_is_healed_by_the_next_tick() -> None:
    simulation = Simulation(policy(1, keep_warm=0)).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.until(lambda: bool(simulation.instances("v1", Intent.DRAIN)))
    simulation.workloads.failing_stops = 1
    with pytest.raises(PlatformError):
        simulation.tick(2)
    assert simulation.instances("v1", Intent.STOP)
    simulation.restart_server()
    simulation.settle()
    assert simulation.running() == {"v2": 1}


def test_a_routing_that_could_not_be_written_is_written_by_the_next_tick() -> None:
    simulation = Simulation()
    simulation.release("v1")
    simulation.deploy("v1")
    simulation.until(lambda: simulation.running() == {"v1": 2})
    simulation.router.failing_routes = 1
    with pytest.raises(PlatformError):
        simulation.tick()
    simulation.settle()
    assert simulation.weights() == {"v1": 2}


def test_what_is_recorded_has_been_asked_for_even_where_its_routing_could_not_be_written() -> None:
    simulation = Simulation(policy(1)).shipped("v1", "v2")
    simulation.router.failing_routes = 1
    outcome = simulation.emergency()
    assert outcome.deployment is not None
    assert [str(error) for error in simulation.reported] == ["cannot write the routing"]
    simulation.tick()
    assert simulation.weights() == {"v1": 1}


def test_a_migration_does_not_start_after_the_abort_that_came_between_deciding_and_acting() -> None:
    simulation = Simulation(services={"backend": replace(WEB, migrate=("migrate",))})
    simulation.release("v1")
    simulation.deploy("v1")
    act = simulation.engine._act

    def late(state: EnvironmentState, draft: Draft) -> bool:
        if draft.deployment is not None and draft.rollout("backend").migration is Migration.RUNNING:
            simulation.engine._act = act  # type: ignore[method-assign]
            simulation.abort()
        return act(state, draft)

    simulation.engine._act = late  # type: ignore[method-assign]
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert simulation.tasks() == []


def test_a_decision_that_came_second_is_made_anew_and_nothing_is_done_twice() -> None:
    simulation = Simulation()
    simulation.release("v1")
    simulation.deploy("v1")
    simulation.repository.conflicts = 1
    before = simulation.acts()
    assert simulation.engine.tick() == 0.0
    assert simulation.acts() == before
    assert simulation.workloads.started == []
    simulation.settle()
    assert len(simulation.workloads.started) == 2


def test_a_command_that_came_second_is_decided_again_on_what_is_there_then() -> None:
    simulation = Simulation()
    simulation.release("v1")
    simulation.repository.conflicts = 2
    simulation.deploy("v1")
    assert simulation.acts().count("deployment.requested") == 1
    assert simulation.state.generation == 3


def test_while_no_proxy_answers_nothing_is_decided_and_nothing_ends() -> None:
    simulation = Simulation(policy(2, keep_warm=1)).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.tick(2)
    simulation.router.silent = True
    before = (simulation.snapshot, simulation.running(), simulation.weights())
    for _ in range(10):
        assert simulation.engine.tick() == MOVING_SECONDS
        simulation.clock.advance(100.0)
    assert (simulation.snapshot, simulation.running(), simulation.weights()) == before


def test_an_instance_whose_keeper_is_gone_is_given_another() -> None:
    simulation = Simulation().shipped("v1")
    name = simulation.instances("v1")[0].id
    simulation.workloads.processes[name].supervised = False
    simulation.tick()
    assert simulation.workloads.processes[name].supervised


def test_an_instance_that_ended_by_itself_is_started_again_under_its_name() -> None:
    simulation = Simulation().shipped("v1")
    name = simulation.instances("v1")[0].id
    simulation.workloads.kill(name)
    simulation.tick(3)
    assert simulation.workloads.started.count(name) == 2
    assert simulation.weights() == {"v1": 2}


def test_what_is_recorded_nowhere_is_ended_and_put_aside() -> None:
    simulation = Simulation().shipped("v1")
    name, process = next(iter(simulation.workloads.processes.items()))
    del simulation.workloads.processes[name]
    process.placement = type(process.placement)("stray-1", "production", {})
    simulation.workloads.processes["stray-1"] = process
    simulation.tick(4)
    assert simulation.workloads.forgotten == ["stray-1"]
    assert simulation.running() == {"v1": 2}


def test_a_restarted_server_goes_on_where_the_other_one_ended() -> None:
    simulation = Simulation(policy(3)).shipped("v1")
    simulation.release("v2", Behaviour(ready_after=3))
    simulation.deploy("v2")
    while not simulation.settled():
        simulation.restart_server()
        simulation.tick()
    assert simulation.phase is Phase.SUCCEEDED
    assert simulation.weights() == {"v2": 3}
    assert len(simulation.workloads.started) == 6


def test_a_restarted_server_with_nothing_to_do_touches_nothing() -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    before = (simulation.snapshot, simulation.acts(), simulation.router.routing)
    simulation.restart_server()
    simulation.tick(10)
    assert (simulation.snapshot, simulation.acts(), simulation.router.routing) == before


def test_a_command_before_the_first_look_leaves_the_traffic_where_it_is() -> None:
    """A server that has seen nothing yet knows of no endpoint: its routing would be an outage."""
    simulation = Simulation(policy(2)).shipped("v1")
    simulation.release("v2")
    simulation.restart_server()
    simulation.deploy("v2")
    assert simulation.weights() == {"v1": 2}
    assert len(simulation.router.endpoints()) == 2


def test_an_abort_before_the_first_look_keeps_what_serves() -> None:
    simulation = Simulation(policy(2, Pace(0, 1), keep_warm=0)).shipped("v1")
    simulation.release("v2", Behaviour(ready_after=10))
    simulation.deploy("v2")
    simulation.until(lambda: simulation.weights() == {"v1": 1, "v2": 1})
    simulation.workloads.behaviours["v1"] = Behaviour(ready_after=5)
    simulation.restart_server()
    simulation.abort()
    while not simulation.settled():
        assert sum(simulation.weights().values()) >= 2
        assert sum(not e.draining for e in simulation.router.endpoints()) >= 2
        simulation.tick()
    assert simulation.weights() == {"v1": 2}


def test_the_loop_looks_often_while_something_moves_and_seldom_while_nothing_does() -> None:
    simulation = Simulation().shipped("v1")
    assert simulation.engine.tick() == IDLE_SECONDS
    simulation.release("v2")
    simulation.deploy("v2")
    assert simulation.engine.tick() == MOVING_SECONDS


def test_the_database_is_started_only_once_there_is_something_to_run() -> None:
    simulation = Simulation()
    simulation.tick(3)
    assert simulation.backing.ensured == 0
    simulation.shipped("v1")
    assert simulation.backing.ensured == 1
    simulation.backing.runs = False
    simulation.tick()
    assert simulation.backing.ensured == 2


def test_an_instance_is_told_where_the_others_are() -> None:
    simulation = Simulation(services={"backend": WEB, "reminders": WORKER}).shipped("v1")
    placement = simulation.workloads.processes["backend-1"].placement
    assert placement.environment == "production"
    assert placement.addresses == {
        "services.backend.url": "http://backend.invalid",
        "services.reminders.url": "http://reminders.invalid",
        "backing.database.url": "postgresql://database.invalid",
    }


def test_an_error_in_one_pass_is_reported_and_ends_nothing() -> None:
    simulation = Simulation()
    simulation.release("v1")
    simulation.deploy("v1")
    simulation.router.failing_routes = 1
    reported: list[BaseException] = []

    def report(_: str, error: BaseException) -> None:
        reported.append(error)
        loop.stop()

    loop = Loop("production", simulation.engine.tick, report)
    loop.run()
    assert [str(error) for error in reported] == ["cannot write the routing"]


def test_every_act_of_a_deployment_is_in_the_trail_in_order() -> None:
    simulation = Simulation().shipped("v1")
    assert simulation.acts() == [
        "release.created",
        "deployment.requested",
        "deployment.progressing",
        "rollout.progressing",
        "rollout.promoting",
        "rollout.healthy",
        "deployment.succeeded",
    ]
