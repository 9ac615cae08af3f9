"""What holds with or without a deployment: what stays warm, what is kept whole, how instances leave."""

import pytest

from carelane.delivery.policies import Pace
from carelane.delivery.replicas.fleet import STAYING, Intent
from tests.fakes.instances import Behaviour
from tests.fakes.simulation import Simulation, policy

# -- keeping warm


def counts(simulation: Simulation) -> list[int]:
    """Instances of v1 to v4."""
    return [simulation.running().get(f"v{n}", 0) for n in range(1, 5)]


@pytest.mark.parametrize(("keep_warm", "expected"), [(0, [0, 0, 0, 1]), (1, [0, 0, 1, 1]), (2, [0, 1, 1, 1])])
def test_as_many_earlier_revisions_stay_warm_as_the_policy_says(keep_warm: int, expected: list[int]) -> None:
    simulation = Simulation(policy(1, keep_warm=keep_warm)).shipped("v1", "v2", "v3", "v4")
    assert counts(simulation) == expected
    assert simulation.weights() == {"v4": 1}


def test_a_policy_that_keeps_less_warm_is_followed_at_once() -> None:
    simulation = Simulation(policy(1, keep_warm=2)).shipped("v1", "v2", "v3", "v4")
    simulation.use(policy(1, keep_warm=1))
    simulation.tick(4)
    assert counts(simulation) == [0, 0, 1, 1]


def test_what_is_warm_goes_cold_when_its_time_is_over() -> None:
    simulation = Simulation(policy(1, keep_warm=1, keep_warm_seconds=300.0)).shipped("v1", "v2")
    simulation.tick(2, seconds=140.0)
    assert simulation.running() == {"v1": 1, "v2": 1}
    simulation.tick(5, seconds=10.0)
    assert simulation.running() == {"v2": 1}
    assert set(simulation.state.service("backend").versions) == {"v2"}


def test_a_version_that_was_rolled_back_is_not_kept_warm() -> None:
    simulation = Simulation(policy(2, keep_warm=1)).shipped("v1", "v2")
    simulation.rollback()
    simulation.settle()
    assert simulation.running() == {"v1": 2}


# -- keeping whole


def test_a_stable_instance_that_hangs_is_replaced() -> None:
    simulation = Simulation(policy(2)).shipped("v1")
    simulation.workloads.behaviours["v1"] = Behaviour(hangs_after=10)
    simulation.tick(30)
    assert simulation.entries("instance.replaced")
    assert len(simulation.instances("v1", *STAYING)) == 2


def draining() -> tuple[Simulation, str]:
    """v2 has taken the place of v1, whose only instance drains and has a request under way; its name."""
    simulation = Simulation(policy(1, Pace(0, 1), keep_warm=0)).shipped("v1")
    old = simulation.instances("v1", Intent.SERVE)[0].id
    simulation.release("v2")
    simulation.router.busy.add(old)
    simulation.deploy("v2")
    simulation.until(lambda: bool(simulation.instances("v1", Intent.DRAIN)))
    return simulation, old


def test_a_draining_instance_is_told_to_stop_only_when_it_is_idle() -> None:
    simulation, _ = draining()
    simulation.tick(5)
    assert simulation.instances("v1", Intent.DRAIN)
    simulation.router.busy.clear()
    simulation.tick(2)
    assert not simulation.instances("v1", Intent.DRAIN)
    assert simulation.workloads.behaviours == {}


def test_a_draining_instance_that_stays_busy_is_stopped_after_its_drain_time() -> None:
    simulation, _ = draining()
    simulation.tick(8)
    assert simulation.instances("v1", Intent.DRAIN)
    simulation.tick(4)
    assert simulation.running() == {"v2": 1}


def test_a_draining_instance_that_has_died_is_not_started_again_by_the_server_that_comes() -> None:
    """Everything was killed with it, its keeper too: nobody has it, and nobody is to get it back."""
    simulation, old = draining()
    process = simulation.workloads.processes[old]
    process.ended = True
    process.supervised = False
    started = list(simulation.workloads.started)
    simulation.restart_server()
    simulation.router.silent = True  # the proxies were killed as well
    simulation.tick(2)
    simulation.router.silent = False
    simulation.tick(10)
    assert old not in simulation.workloads.started[len(started) :]
    assert simulation.running() == {"v2": 1}


def test_traffic_leaves_an_instance_before_it_is_told_to_stop() -> None:
    simulation = Simulation(policy(2, keep_warm=0)).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    while not simulation.settled():
        simulation.tick()
        draining = {e.instance for e in simulation.router.endpoints() if e.draining}
        for process in simulation.workloads.processes.values():
            if process.told_to_stop_at is not None and not process.ended:
                assert process.placement.instance in draining
