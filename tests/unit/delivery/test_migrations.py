"""Migrations: once a label, before its first instance, and never after an abort."""

from dataclasses import replace

from carelane.delivery.decisions.draft import Decision
from carelane.delivery.deployments import Migration, Phase
from tests.fakes.instances import WELL, Behaviour
from tests.fakes.releases import MIGRATING
from tests.fakes.simulation import Simulation, policy


def test_a_migration_that_cannot_be_started_says_why_long_before_the_deadline() -> None:
    simulation = Simulation(policy(1), {"backend": MIGRATING})
    simulation.release("v1", Behaviour(unstartable="the archive is missing"))
    simulation.deploy("v1")
    simulation.until(lambda: simulation.phase is Phase.FAILED, within=8)
    said = "backend: migration: backend.migrate-1 cannot be started: the archive is missing"
    assert simulation.deployment.message == said


def migrating(v1: Behaviour = WELL) -> Simulation:
    simulation = Simulation(policy(2, progress_deadline_seconds=60.0), {"backend": MIGRATING})
    simulation.workloads.behaviours["v1"] = v1
    return simulation


def test_a_migration_runs_once_before_the_first_instance_of_its_release() -> None:
    simulation = migrating(v1=Behaviour(migrates_for=5))
    simulation.release("v1")
    simulation.deploy("v1")
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    assert simulation.workloads.started[0] == "backend.migrate-1"
    assert simulation.tasks() == ["backend.migrate-1"]
    assert simulation.workloads.forgotten == ["backend.migrate-1"]


def test_a_label_that_was_migrated_is_not_migrated_again() -> None:
    simulation = migrating().shipped("v1", "v2")
    simulation.rollback()
    simulation.settle()
    simulation.deploy("v2")
    simulation.settle()
    assert simulation.weights() == {"v2": 2}
    assert simulation.tasks() == ["backend.migrate-1", "backend.migrate-2"]


def test_a_rollback_migrates_nothing_even_where_nothing_is_known_to_be_migrated() -> None:
    simulation = migrating().shipped("v1", "v2")
    service = replace(simulation.state.service("backend"), migrated=())
    simulation.repository.commit(
        Decision(
            replace(
                simulation.state, services={"backend": service}, generation=simulation.state.generation + 1
            )
        )
    )
    simulation.rollback()
    simulation.settle()
    assert simulation.weights() == {"v1": 2}
    assert simulation.tasks() == ["backend.migrate-1", "backend.migrate-2"]


def test_a_failing_migration_fails_the_deployment_before_anything_has_moved() -> None:
    simulation = migrating().shipped("v1")
    simulation.release("v2", Behaviour(migration_exit_code=3))
    simulation.deploy("v2")
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert simulation.deployment.message == (
        "backend: migration: backend.migrate-2 ended with exit code 3; its log says why"
    )
    assert simulation.instances("v2") == []
    assert simulation.weights() == {"v1": 2}


def test_a_failed_migration_is_tried_again_by_the_next_deployment() -> None:
    simulation = migrating().shipped("v1")
    simulation.release("v2", Behaviour(migration_exit_code=3))
    simulation.deploy("v2")
    simulation.settle()
    simulation.workloads.behaviours["v2"] = Behaviour()
    simulation.operations.retry("production", "alice")
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    assert simulation.tasks()[-2:] == ["backend.migrate-2", "backend.migrate-3"]


def test_a_migration_that_never_ends_is_ended_by_the_deadline() -> None:
    simulation = migrating().shipped("v1")
    simulation.release("v2", Behaviour(migrates_for=0))
    simulation.deploy("v2")
    simulation.settle(200)
    assert simulation.deployment.message == "backend: migration: backend.migrate-2 has not ended within 60 s"
    simulation.tick(3)
    assert "backend.migrate-2" in simulation.workloads.forgotten


def test_nothing_starts_before_the_database_runs() -> None:
    simulation = migrating()
    simulation.backing.slow = True
    simulation.release("v1")
    simulation.deploy("v1")
    simulation.tick(5)
    assert simulation.workloads.started == []
    simulation.backing.runs = True
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED


def test_a_pause_lets_a_migration_under_way_finish() -> None:
    simulation = migrating().shipped("v1")
    simulation.release("v2", Behaviour(migrates_for=20))
    simulation.deploy("v2")
    simulation.until(lambda: simulation.deployment.rollouts["backend"].migration is Migration.RUNNING)
    simulation.tick(2)
    simulation.pause()
    simulation.tick(5)
    assert simulation.workloads.processes["backend.migrate-2"].told_to_stop_at is None
    simulation.tick(30)
    simulation.resume()
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    assert simulation.tasks() == ["backend.migrate-1", "backend.migrate-2"]


def test_a_migration_that_failed_is_run_again_on_resume_under_a_name_of_its_own() -> None:
    simulation = Simulation(policy(1, automatic=False), {"backend": MIGRATING}).shipped("v1")
    simulation.release("v2", Behaviour(migration_exit_code=1))
    simulation.deploy("v2")
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.workloads.behaviours["v2"] = Behaviour()
    simulation.resume("the column was locked")
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    assert simulation.tasks()[-2:] == ["backend.migrate-2", "backend.migrate-2-2"]
