"""Workers: replaced, never two at once."""

from carelane.delivery.deployments import Phase
from carelane.delivery.policies import Policy
from tests.fakes.instances import Behaviour
from tests.fakes.releases import WEB, WORKER
from tests.fakes.simulation import Simulation


def workers(ends_after: int = 3) -> Simulation:
    simulation = Simulation(Policy(), {"reminders": WORKER})
    for label in ("v1", "v2", "v3"):
        simulation.workloads.behaviours[label] = Behaviour(ends_after=ends_after)
    return simulation.shipped("v1")


def watch(simulation: Simulation, ticks: int = 40) -> None:
    """Tick on; fail as soon as two workers run at once."""
    for _ in range(ticks):
        simulation.tick()
        assert sum(simulation.running("reminders").values()) <= 1, simulation.describe()


def test_a_worker_is_replaced_never_two_at_once_and_never_kept_warm() -> None:
    simulation = workers()
    simulation.release("v2")
    simulation.deploy("v2")
    watch(simulation)
    assert simulation.phase is Phase.SUCCEEDED
    assert simulation.running("reminders") == {"v2": 1}
    assert simulation.state.service("reminders").previous == ()


def test_a_worker_that_fails_goes_back_without_two_at_once() -> None:
    simulation = workers()
    simulation.workloads.behaviours["v2"] = Behaviour(crashes=True, ends_after=3)
    simulation.release("v2")
    simulation.deploy("v2")
    watch(simulation)
    assert simulation.phase is Phase.FAILED
    assert simulation.running("reminders") == {"v1": 1}


def test_an_aborted_worker_goes_back_without_two_at_once() -> None:
    simulation = workers()
    simulation.release("v2", Behaviour(ends_after=5))
    simulation.deploy("v2")
    simulation.until(lambda: bool(simulation.running("reminders").get("v2")))
    simulation.abort()
    watch(simulation)
    assert simulation.running("reminders") == {"v1": 1}


def test_a_superseded_worker_ends_before_the_next_one_starts() -> None:
    simulation = workers()
    simulation.release("v2", Behaviour(ends_after=5))
    simulation.release("v3")
    simulation.deploy("v2")
    simulation.until(lambda: bool(simulation.running("reminders").get("v2")))
    simulation.deploy("v3")
    watch(simulation)
    assert simulation.running("reminders") == {"v3": 1}


def test_a_superseded_worker_ends_before_the_stable_one_starts_again() -> None:
    simulation = Simulation(Policy(), {"backend": WEB, "reminders": WORKER})
    simulation.workloads.behaviours["reminders", "v2"] = Behaviour(ends_after=5)
    simulation.shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.until(lambda: bool(simulation.running("reminders").get("v2")))
    simulation.deploy("v1")
    watch(simulation)
    assert simulation.running("reminders") == {"v1": 1}
