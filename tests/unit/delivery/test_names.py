"""Tasks and instances have names that cannot meet, and nobody takes one for the other."""

import itertools
from dataclasses import replace

import pytest
from pydantic import TypeAdapter, ValidationError

from carelane.base.errors import InvariantError
from carelane.config.basics import Name
from carelane.delivery import names
from carelane.delivery.decisions.draft import Decision
from carelane.delivery.deployments import Migration, Phase
from tests.fakes.instances import Behaviour
from tests.fakes.releases import MIGRATING, WORKER
from tests.fakes.simulation import Simulation, policy

PARTS = ("api", "migrate", "check", "1", "2")
SERVICES = [
    "-".join(parts)
    for length in (1, 2, 3, 4)
    for parts in itertools.product(PARTS, repeat=length)
    if parts[0] == "api"
]
NUMBERS = (1, 2, 11, 12)


def test_no_instance_of_any_service_is_called_like_a_task_of_any_other() -> None:
    instances = {names.instance_name(s, n) for s in SERVICES for n in NUMBERS}
    assert len(instances) == len(SERVICES) * len(NUMBERS)
    tasks = [names.migration_name(s, n) for s in SERVICES for n in NUMBERS] + [
        names.check_name(s, deployment, step, attempt)
        for s in SERVICES
        for deployment, step, attempt in itertools.product(NUMBERS, repeat=3)
    ]
    assert len(set(tasks)) == len(tasks), "and no two tasks share a name"
    assert instances.isdisjoint(tasks)


def test_the_mark_of_a_task_is_in_no_name_that_carelane_yaml_may_give_a_service() -> None:
    name = TypeAdapter(Name)
    assert name.validate_python("api-migrate") == "api-migrate"
    for spelt in (f"api{names.TASK_MARK}migrate", f"api{names.TASK_MARK}", names.TASK_MARK):
        with pytest.raises(ValidationError):
            name.validate_python(spelt)


@pytest.mark.parametrize("service", ["", "api.migrate", "."])
def test_a_service_that_would_break_into_the_tasks_names_is_refused_where_names_are_made(
    service: str,
) -> None:
    for make in (names.instance_name, names.migration_name):
        with pytest.raises(InvariantError):
            make(service, 1)
    with pytest.raises(InvariantError):
        names.check_name(service, 1, 1, 1)


def test_a_worker_named_like_a_migration_runs_and_the_migration_is_waited_for() -> None:
    """Its exit code was recorded as the migration's end, and it never ran."""
    simulation = Simulation(policy({"api": 1, "api-migrate": 1}), {"api-migrate": WORKER, "api": MIGRATING})
    simulation.release("v1", Behaviour(migrates_for=5))
    simulation.deploy("v1")
    simulation.until(lambda: bool(simulation.entries("migration.started")))
    simulation.tick(2)
    assert simulation.running("api-migrate") == {"v1": 1}
    assert simulation.entries("migration.finished") == []
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    assert simulation.running("api-migrate") == {"v1": 1}
    assert len(simulation.tasks()) == 1


def under_way_since_an_earlier_server() -> Simulation:
    """A migration that a server of 0.2 began, under the name it had then."""
    simulation = Simulation(policy(1), {"backend": MIGRATING})
    simulation.release("v1", Behaviour(migrates_for=6))
    simulation.deploy("v1")
    simulation.until(lambda: bool(simulation.workloads.started))
    simulation.tick()
    process = simulation.workloads.processes.pop("backend.migrate-1")
    simulation.workloads.processes["backend-migrate-1"] = process
    snapshot = simulation.snapshot
    assert snapshot.deployment is not None
    before = replace(snapshot.deployment.rollouts["backend"], migration_task="", migration=Migration.RUNNING)
    simulation.repository.commit(
        Decision(
            replace(snapshot.state, generation=snapshot.state.generation + 1, deployment=1),
            (replace(snapshot.deployment, rollouts={"backend": before}),),
        )
    )
    simulation.restart_server()
    return simulation


def test_a_migration_that_an_earlier_server_began_is_waited_for_and_not_run_again() -> None:
    simulation = under_way_since_an_earlier_server()
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    assert [name for name in simulation.workloads.started if "migrate" in name] == ["backend.migrate-1"]
    assert simulation.workloads.forgotten == ["backend-migrate-1"]


def test_what_is_recorded_as_an_instance_is_started_once_a_task_of_its_name_is_gone() -> None:
    """An earlier server may have left a migration called like the first instance of a worker."""
    simulation = Simulation(
        policy({"api": 1, "api-migrate": 1}), {"api-migrate": WORKER, "api": MIGRATING}
    ).shipped("v1")
    worker = simulation.instances("v1", service="api-migrate")[0].id
    process = simulation.workloads.processes[worker]
    process.task, process.ended, process.exit_code = True, True, 0
    simulation.tick(3)
    assert simulation.running("api-migrate") == {"v1": 1}
    assert simulation.workloads.forgotten[-1] == worker
