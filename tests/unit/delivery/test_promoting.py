"""A service that has all the traffic while others are still on their way: watched until the end."""

from dataclasses import replace

import pytest

from carelane.delivery.deployments import Phase, RolloutPhase
from carelane.delivery.policies import Policy
from carelane.delivery.replicas.fleet import Intent
from carelane.delivery.strategies import Strategy, StrategyKind
from tests.fakes.instances import NEVER_READY, WELL
from tests.fakes.releases import WEB
from tests.fakes.simulation import Simulation, policy
from tests.unit.delivery.test_stepping import pause, weight

TWO = {"backend": WEB, "frontend": WEB}


def both(*, keep_warm: int = 1, progress_deadline_seconds: float = 600.0) -> Policy:
    """Two services by canary; the second waits ten minutes at 50 %."""
    replicas = {"backend": 2, "frontend": 2}
    made = policy(replicas, keep_warm=keep_warm, progress_deadline_seconds=progress_deadline_seconds)
    return replace(made, strategy=Strategy(StrategyKind.CANARY, (weight(50), pause(600))))


def with_the_first_at_100(policy: Policy) -> Simulation:
    """The backend has arrived, the frontend is at its canary step."""
    simulation = Simulation(policy, TWO).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.until(lambda: phase(simulation, "backend") is RolloutPhase.PROMOTING, 700)
    return simulation


def phase(simulation: Simulation, service: str) -> RolloutPhase:
    return simulation.deployment.rollouts[service].phase


@pytest.mark.parametrize("held", [False, True])
def test_one_whose_readiness_is_lost_takes_all_of_them_back(held: bool) -> None:
    simulation = with_the_first_at_100(both())
    if held:
        simulation.pause()
    simulation.workloads.behaviours["backend", "v2"] = NEVER_READY
    simulation.until(lambda: simulation.phase is Phase.FAILED, 8)
    assert "backend: readiness: no instance of v2 is ready any more, all of v1 are" in (
        simulation.deployment.message
    )
    assert set(simulation.weights("backend")) == set(simulation.weights("frontend")) == {"v1"}


def test_what_both_versions_lose_is_blamed_on_nobody_until_the_deadline_and_is_no_success() -> None:
    simulation = with_the_first_at_100(both(progress_deadline_seconds=900.0))
    for label in ("v1", "v2"):
        simulation.workloads.behaviours["backend", label] = NEVER_READY
    simulation.until(lambda: phase(simulation, "frontend") is RolloutPhase.PROMOTING, 700)
    simulation.tick(20)
    assert simulation.phase is Phase.PROGRESSING
    simulation.workloads.behaviours["backend", "v2"] = WELL
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED, 5)


def test_what_is_never_ready_again_ends_with_the_deadline() -> None:
    simulation = with_the_first_at_100(both(progress_deadline_seconds=60.0))
    for label in ("v1", "v2"):
        simulation.workloads.behaviours["backend", label] = NEVER_READY
    simulation.until(lambda: simulation.phase is Phase.ABORTING, 70)
    assert "too few instances of v2 are ready, for 60 s" in simulation.deployment.message


def test_stable_stays_warm_until_the_last_service_has_arrived_even_where_nothing_is_kept_warm() -> None:
    simulation = with_the_first_at_100(both(keep_warm=0))
    simulation.tick(10)
    assert simulation.running("backend") == {"v1": 2, "v2": 2}
    simulation.abort()
    assert set(simulation.weights("backend")) == {"v1"}, "in the same decision"
    simulation.settle()
    simulation.deploy("v2")
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED, 1400)
    simulation.settle()
    assert simulation.running("backend") == {"v2": 2}


def test_a_pause_does_not_bring_the_old_ones_of_an_arrived_service_back() -> None:
    simulation = with_the_first_at_100(both())
    simulation.pause()
    simulation.tick(5)
    assert simulation.instances("v1", Intent.SERVE, service="backend") == []


def test_a_return_needs_only_one_of_the_warm_ones_to_be_ready() -> None:
    simulation = with_the_first_at_100(both())
    lame = simulation.instances("v1", service="backend")[0].id
    ready = simulation.workloads.ready
    simulation.router.ready = lambda instance: instance != lame and ready(instance)
    simulation.tick()
    simulation.abort()
    assert set(simulation.weights("backend")) == {"v1"}
