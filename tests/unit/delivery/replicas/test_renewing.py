"""What runs is renewed one by one, and a size that a person gives holds until the next deployment."""

import pytest

from carelane.base.errors import ConflictError, InputError, NotFoundError
from carelane.delivery.deployments import Phase
from carelane.delivery.observations import ProcessPhase
from carelane.delivery.replicas.fleet import Intent
from tests.fakes.instances import NEVER_READY
from tests.fakes.releases import WORKER
from tests.fakes.simulation import PRODUCTION, Simulation, policy


def restarted(simulation: Simulation, service: str = "backend") -> None:
    simulation.operations.restart(PRODUCTION, service, "alice", "it leaks")


def ids(simulation: Simulation, service: str) -> list[str]:
    """The instances of *service* that run."""
    seen = simulation.workloads.observe()
    return [n for n, i in seen.items() if i.phase is ProcessPhase.RUNNING and n.startswith(f"{service}-")]


def scaled(simulation: Simulation, replicas: int | None, service: str = "backend") -> None:
    simulation.operations.scale(PRODUCTION, service, replicas, "alice", "many patients today")


def test_each_instance_leaves_once_another_is_ready_in_its_place() -> None:
    simulation = Simulation(policy(3)).shipped("v1")
    before = set(ids(simulation, "backend"))
    restarted(simulation)
    ready, most = [], 0
    for _ in range(60):
        simulation.tick()
        ready.append(simulation.router.ready_of("v1"))
        most = max(most, simulation.running()["v1"])
    after = set(ids(simulation, "backend"))
    assert len(after) == 3
    assert not after & before
    assert min(ready) >= 3, "never fewer than there are to be"
    assert most <= 5, "one more, and one that leaves"
    assert "service.restarted" in simulation.acts()


def test_what_does_not_get_ready_leaves_the_others_where_they_are() -> None:
    simulation = Simulation(policy(3)).shipped("v1")
    before = set(ids(simulation, "backend"))
    simulation.workloads.behaviours["v1"] = NEVER_READY
    restarted(simulation)
    simulation.tick(60)
    assert before <= set(ids(simulation, "backend"))
    assert len(ids(simulation, "backend")) == 4


def test_a_restart_that_a_deployment_overtakes_is_over_with_it() -> None:
    simulation = Simulation(policy(3)).shipped("v1")
    restarted(simulation)
    simulation.tick(3)
    simulation.release("v2")
    simulation.deploy("v2")
    with pytest.raises(ConflictError, match="is under way"):
        restarted(simulation)
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED, 200)
    simulation.settle()
    assert simulation.running()["v2"] == 3


def test_what_is_gone_back_to_is_not_renewed_for_a_restart_of_what_is_left() -> None:
    simulation = Simulation(policy(3)).shipped("v1", "v2")
    warm = set(ids(simulation, "backend"))
    restarted(simulation)
    simulation.settle()
    simulation.emergency()
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED, 200)
    back = {i.id for i in simulation.instances("v1", Intent.SERVE)}
    simulation.settle()
    simulation.tick(60)
    assert {i.id for i in simulation.instances("v1", Intent.SERVE)} == back <= warm


def test_a_worker_ends_before_another_begins() -> None:
    simulation = Simulation(policy(1), services={"reminders": WORKER}).shipped("v1")
    (before,) = ids(simulation, "reminders")
    restarted(simulation, "reminders")
    for _ in range(30):
        simulation.tick()
        assert len(ids(simulation, "reminders")) <= 1
    (after,) = ids(simulation, "reminders")
    assert after != before


def test_a_size_holds_until_the_next_deployment_has_arrived() -> None:
    simulation = Simulation(policy(2)).shipped("v1")
    scaled(simulation, 4)
    simulation.settle()
    assert simulation.running() == {"v1": 4}
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED, 200)
    simulation.settle()
    assert simulation.running()["v2"] == 2


def test_an_emergency_keeps_the_size_and_so_does_a_rollback() -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    scaled(simulation, 4)
    simulation.settle()
    simulation.emergency()
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED, 200)
    simulation.settle()
    assert simulation.running()["v1"] == 4


def test_what_is_gone_back_to_carries_all_users_with_as_many_as_ever() -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    scaled(simulation, 4)
    simulation.settle()
    simulation.emergency()
    assert set(simulation.weights()) == {"v1"}, (
        "in the same decision: the two that are warm had all users before"
    )
    simulation.settle()
    assert simulation.running()["v1"] == 4, "the others join"


def test_a_size_for_today_takes_nothing_from_what_users_may_go_back_to() -> None:
    simulation = Simulation(policy(4)).shipped("v1", "v2")
    scaled(simulation, 1)
    simulation.settle()
    assert simulation.running() == {"v1": 4, "v2": 1}
    scaled(simulation, None)
    simulation.settle()
    simulation.emergency()
    assert set(simulation.weights()) == {"v1"}


def test_less_and_as_ever() -> None:
    simulation = Simulation(policy(3)).shipped("v1")
    scaled(simulation, 1)
    simulation.settle()
    assert simulation.running() == {"v1": 1}
    scaled(simulation, None)
    simulation.settle()
    assert simulation.running() == {"v1": 3}
    with pytest.raises(ConflictError, match="3 replicas already"):
        scaled(simulation, 3)
    with pytest.raises(NotFoundError, match="'portal'"):
        scaled(simulation, 3, "portal")


def test_a_worker_never_runs_twice() -> None:
    simulation = Simulation(policy(1), services={"reminders": WORKER}).shipped("v1")
    with pytest.raises(InputError, match="never runs twice"):
        scaled(simulation, 2, "reminders")
