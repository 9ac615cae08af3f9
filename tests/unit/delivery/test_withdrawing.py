"""What was on trial and is no more gets no user back, whatever comes next."""

import pytest

from carelane.delivery.deployments import Phase
from carelane.delivery.replicas.fleet import Intent
from carelane.delivery.requesting import Wanted
from tests.fakes.instances import NEVER_READY, Behaviour
from tests.fakes.simulation import Simulation
from tests.unit.delivery.test_stepping import canary, on_its_way, pause, weight


def with_a_canary_and_a_weak_stable(fit: int) -> Simulation:
    """v2 has 25 % of the users, and of v1's four instances only *fit* are ready any more."""
    simulation = on_its_way(canary(weight(25), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    lame(simulation, fit)
    simulation.tick()
    return simulation


def lame(simulation: Simulation, fit: int) -> None:
    """From now on only *fit* of v1's instances are ready."""
    left = {i.id for i in simulation.instances("v1")[:fit]}
    ready = simulation.workloads.ready

    def now(instance: str) -> bool:
        process = simulation.workloads.processes[instance]
        return ready(instance) and (process.version.label != "v1" or instance in left)

    simulation.router.ready = now


def ended(simulation: Simulation, how: str) -> None:
    """The canary is ended by *how*; a rolling deployment of v3 where that is asked."""
    match how:
        case "rollback":
            simulation.rollback()
        case "abort":
            simulation.abort()
        case _:
            simulation.release("v3")
            simulation.operations.deploy("production", "v3", "alice", "", Wanted(how))


@pytest.mark.parametrize("how", ["rolling", "canary", "blue-green", "rollback", "abort"])
@pytest.mark.parametrize("fit", [1, 3])
def test_a_canary_that_was_left_gets_no_user_while_any_of_stable_is_ready(how: str, fit: int) -> None:
    simulation = with_a_canary_and_a_weak_stable(fit)
    ended(simulation, how)
    for _ in range(20):
        assert "v2" not in simulation.weights()
        simulation.tick()


@pytest.mark.parametrize("how", ["rolling", "canary", "rollback", "abort"])
def test_it_keeps_its_users_only_until_one_of_stable_can_take_them(how: str) -> None:
    simulation = with_a_canary_and_a_weak_stable(0)
    simulation.workloads.behaviours["v3"] = NEVER_READY
    ended(simulation, how)
    simulation.tick()
    assert set(simulation.weights()) == {"v2"}
    simulation.tick(3)
    lame(simulation, 2)
    for _ in range(20):
        simulation.tick()
        assert "v2" not in simulation.weights()
    assert simulation.instances("v2", Intent.SERVE) == []


def test_after_a_return_that_came_too_late_the_canary_gets_nothing_back_from_what_comes_next() -> None:
    simulation = with_a_canary_and_a_weak_stable(0)
    simulation.abort()
    simulation.tick(700)
    assert simulation.phase is Phase.FAILED
    simulation.release("v3", Behaviour(ready_after=5))
    simulation.operations.deploy("production", "v3", "alice", "", Wanted("rolling"))
    simulation.tick(2)
    assert set(simulation.weights()) == {"v2"}
    lame(simulation, 1)
    simulation.tick()
    assert set(simulation.weights()) == {"v1"}
    simulation.tick(20)
    assert "v2" not in simulation.weights()


def test_a_withdrawn_version_that_is_asked_for_again_is_on_trial_like_any_other() -> None:
    simulation = with_a_canary_and_a_weak_stable(0)
    simulation.release("v3", NEVER_READY)
    simulation.deploy("v3")
    simulation.tick()
    assert "v2" not in simulation.state.service("backend").copies
    simulation.deploy("v2")
    simulation.tick(2)
    assert simulation.state.service("backend").copies["v2"].serves


def test_a_rollback_out_of_a_canary_that_is_ended_itself_stays_with_stable() -> None:
    simulation = with_a_canary_and_a_weak_stable(2)
    simulation.rollback()
    simulation.abort()
    for _ in range(10):
        assert set(simulation.weights()) == {"v1"}
        simulation.tick()
    assert simulation.state.service("backend").stable == "v1"
