"""What is decided of versions is what becomes of their copies: where the two could fall apart."""

from dataclasses import replace

import pytest

from carelane.delivery.deployments import Phase
from carelane.delivery.policies import Pace
from carelane.delivery.replicas.fleet import Intent
from carelane.delivery.strategies import CanaryStep, StepKind, Strategy, StrategyKind
from tests.fakes.instances import NEVER_READY, Behaviour
from tests.fakes.releases import WEB, WORKER
from tests.fakes.simulation import Simulation, policy

B = replace(WEB, routes=("/b",))
TENTH = Strategy(StrategyKind.CANARY, (CanaryStep(StepKind.WEIGHT, 10), CanaryStep(StepKind.PAUSE)))
ALL = Strategy(StrategyKind.CANARY, (CanaryStep(StepKind.WEIGHT, 50),))


def blind(simulation: Simulation, *, but: frozenset[str] = frozenset()) -> None:
    """For now nobody is fit *but* these."""
    simulation.router.ready = lambda name: name in but


def test_an_emergency_asked_for_in_silence_leaves_a_canary_that_has_taken_over() -> None:
    simulation = Simulation(replace(policy({"a": 2, "b": 2}), strategy=ALL), {"a": WEB, "b": B}).shipped("v1")
    simulation.release("v2")
    simulation.workloads.behaviours["b", "v2"] = NEVER_READY
    simulation.deploy("v2")
    simulation.until(lambda: not simulation.instances("v1", Intent.SERVE, service="a"))
    simulation.router.silent = True
    simulation.tick()
    simulation.emergency()
    simulation.tick(2)
    simulation.router.silent = False
    simulation.settle()
    assert (simulation.phase, simulation.weights("a")) == (Phase.SUCCEEDED, {"v1": 2})


def replaced(replicas: int) -> Simulation:
    """v2 has just arrived, and v1's instances, which drained, have been told to stop in this very look."""
    simulation = Simulation(policy(replicas, keep_warm=0)).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.until(lambda: bool(simulation.instances("v1", Intent.DRAIN)))
    simulation.router.busy = {i.id for i in simulation.instances("v1")}
    simulation.until(lambda: simulation.deployment.ended)
    simulation.router.busy = set()
    simulation.until(lambda: bool(simulation.instances("v1", Intent.STOP)), 5)
    return simulation


def test_what_has_been_told_to_stop_since_the_last_look_is_not_said_to_be_switched_to() -> None:
    simulation = replaced(6)
    with simulation.engine._looking:  # the next look is under way, and nobody in an emergency waits for it
        simulation.engine.go_on = lambda: None  # type: ignore[method-assign]
        outcome = simulation.emergency()
    assert not outcome.switched
    assert "0 of 6 instances of v1 ready" in outcome.message
    assert set(simulation.weights()) == {"v2"}
    simulation.workloads.behaviours["v1"] = Behaviour(ready_after=3)
    simulation.settle()
    assert (simulation.phase, simulation.weights()) == (Phase.SUCCEEDED, {"v1": 6})


def test_users_of_two_versions_that_are_left_are_divided_the_same_at_every_look() -> None:
    simulation = Simulation(policy(6, keep_warm=0, progress_deadline_seconds=5.0)).shipped("v1", "v2", "v3")
    ready, fit = simulation.workloads.ready, set[str]()
    late = {"v1", "v2"}
    simulation.router.ready = lambda name: (
        ready(name) and (name in fit or simulation.workloads.processes[name].version.label not in late)
    )
    simulation.emergency()
    simulation.tick(3)
    fit |= {i.id for i in simulation.instances("v2")[:2]}
    simulation.until(lambda: set(simulation.weights()) == {"v2", "v3"}, 5)
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.emergency(past=("v2",))
    simulation.tick(3)
    fit.add(simulation.instances("v1")[0].id)
    simulation.until(lambda: "v1" in simulation.weights(), 5)
    simulation.tick(2)
    weights, generation = simulation.weights(), simulation.state.generation
    assert set(weights) == {"v1", "v2", "v3"}
    simulation.tick(4)
    assert (simulation.weights(), simulation.state.generation) == (weights, generation)


def test_a_bad_worker_is_ended_by_an_emergency_though_no_proxy_answers() -> None:
    services = {"backend": WEB, "reminders": WORKER}
    simulation = Simulation(policy({"backend": 1, "reminders": 1}), services).shipped("v1", "v2")
    simulation.router.silent = True
    simulation.tick()
    simulation.emergency()
    simulation.tick(4)
    assert simulation.running("reminders") == {"v1": 1}
    assert simulation.weights("backend") == {"v2": 1}


def test_an_emergency_asked_for_in_silence_ends_nobody_before_somebody_is_seen_to_be_fit() -> None:
    simulation = Simulation(policy(2, keep_warm=0)).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.until(lambda: simulation.weights() == {"v2": 2} and not simulation.deployment.ended)
    simulation.workloads.behaviours["v1"] = Behaviour(ready_after=30)
    simulation.router.silent = True
    simulation.tick()
    simulation.emergency()
    ready = simulation.router.ready
    blind(simulation)
    simulation.router.silent = False
    simulation.tick()
    simulation.router.ready = ready
    for _ in range(5):
        simulation.tick()
        assert set(simulation.weights()) == {"v2"}
        assert len(simulation.instances("v2", Intent.SERVE)) == 2
    simulation.settle()
    assert (simulation.phase, simulation.weights()) == (Phase.SUCCEEDED, {"v1": 2})


def test_one_look_without_anybody_fit_ends_nobody_who_carries_users_while_it_turns_back() -> None:
    simulation = Simulation(policy({"a": 2, "b": 2}, keep_warm=0), {"a": WEB, "b": B}).shipped("v1")
    simulation.release("v2")
    simulation.workloads.behaviours["b", "v2"] = NEVER_READY
    simulation.deploy("v2")
    simulation.until(lambda: simulation.running("a") == {"v2": 2})
    simulation.workloads.behaviours["v1"] = Behaviour(ready_after=30)
    simulation.abort()
    simulation.tick()
    ready = simulation.router.ready
    blind(simulation)
    simulation.tick()
    simulation.router.ready = ready
    simulation.tick()
    assert simulation.weights("a") == {"v2": 2}


def superseded(strategy: Strategy | None, behaviour: Behaviour | None = None) -> Simulation:
    """v2 has users, nobody of v1 is fit any more, and v3 has been deployed over both."""
    simulation = Simulation(policy(4, Pace(0, 1), keep_warm=0)).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.until(lambda: simulation.weights().get("v2", 0) >= 2)
    simulation.workloads.behaviours["v1"] = Behaviour(ready_after=50)
    if strategy is not None:
        simulation.use(replace(simulation.engine.policy, strategy=strategy))
        simulation.tick()
    simulation.release("v3", behaviour)
    simulation.deploy("v3")
    return simulation


def test_who_carries_users_is_not_ended_because_a_canary_is_ready() -> None:
    simulation = superseded(TENTH)
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    left = len(simulation.instances("v2", Intent.SERVE))
    assert left
    simulation.workloads.behaviours["v3"] = Behaviour(crashes=True, ready_after=None)
    simulation.until(lambda: simulation.phase is Phase.ABORTING, 20)
    assert simulation.weights() == {"v2": left}


@pytest.mark.parametrize("looks", [0, 2])
def test_a_pause_starts_nothing_of_what_was_superseded(looks: int) -> None:
    simulation = superseded(None, NEVER_READY)
    simulation.tick(looks + 1)
    started = len(simulation.instances("v2"))
    simulation.pause()
    simulation.tick(8)
    assert len(simulation.instances("v2")) <= started
