"""Nothing is decided on an old look, and no deadline runs while nobody looks."""

import threading
from collections.abc import Mapping
from dataclasses import replace

import pytest

from carelane.base.errors import Unavailable
from carelane.delivery.deployments import Kind, Phase, Unseen
from carelane.delivery.replicas.seen import InstanceSeen
from carelane.delivery.strategies import CanaryStep, StepKind, Strategy, StrategyKind, blue_green_steps
from tests.fakes.instances import WELL, Behaviour
from tests.fakes.releases import WEB
from tests.fakes.simulation import Simulation, policy

BAKED = Strategy(
    StrategyKind.CANARY, (CanaryStep(StepKind.WEIGHT, 50), CanaryStep(StepKind.PAUSE, seconds=60.0))
)


def rolling() -> Simulation:
    """v2 gets ready in four seconds, and has been on its way for two."""
    simulation = Simulation(policy({"backend": 2}), {"backend": WEB}).shipped("v1")
    simulation.release("v2", Behaviour(ready_after=4))
    simulation.deploy("v2")
    simulation.tick(2)
    return simulation


def test_a_deadline_that_ran_out_while_nobody_looked_fails_nothing() -> None:
    simulation = rolling()
    away = simulation.clock.now()
    simulation.tick(1, seconds=10_000.0, unseen=True)
    assert simulation.deployment.unseen == (Unseen(away, simulation.clock.now()),)
    simulation.settle()
    assert (simulation.phase, simulation.running()) == (Phase.SUCCEEDED, {"v1": 2, "v2": 2})


def test_a_server_that_comes_back_gives_what_was_under_way_its_time() -> None:
    simulation = rolling()
    seen = simulation.clock.now()
    simulation.clock.advance(10_000.0)
    simulation.restart_server()
    simulation.engine._seen_until = seen
    simulation.tick(1, unseen=True)
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED


def test_silent_proxies_stop_every_deadline_and_it_goes_on_once_they_answer() -> None:
    simulation = rolling()
    simulation.router.silent = True
    for _ in range(200):
        simulation.tick(1, seconds=10.0, unseen=True)
    assert not simulation.deployment.ended
    simulation.router.silent = False
    simulation.tick(1, unseen=True)
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED


def test_the_rest_of_a_deadline_runs_on_afterwards() -> None:
    simulation = Simulation(policy({"backend": 2}), {"backend": WEB}).shipped("v1")
    simulation.release("v2", Behaviour(ready_after=None))
    simulation.deploy("v2")
    simulation.tick(1, seconds=10_000.0, unseen=True)
    limit = simulation.engine.policy.rollback.progress_deadline_seconds
    simulation.tick(2)
    assert not simulation.deployment.ended
    simulation.tick(1, seconds=limit)
    simulation.settle()
    assert simulation.phase is Phase.FAILED


def test_what_a_canary_bakes_unseen_is_not_counted() -> None:
    simulation = Simulation(replace(policy({"backend": 2}), strategy=BAKED), {"backend": WEB})
    simulation.release("v1", WELL)
    simulation.deploy("v1")
    simulation.settle()
    simulation.release("v2", WELL)
    simulation.deploy("v2")
    simulation.until(lambda: simulation.deployment.rollouts["backend"].step == 1)
    simulation.tick(1, seconds=10_000.0, unseen=True)
    assert simulation.deployment.rollouts["backend"].step == 1
    simulation.tick(1, seconds=60.0)
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED


def test_readiness_that_was_lost_before_is_given_its_time_again() -> None:
    simulation = Simulation(policy({"backend": 1}), {"backend": WEB}).shipped("v1", "v2")
    simulation.workloads.behaviours["v2"] = Behaviour(ready_after=None)
    simulation.tick(1)
    simulation.tick(1, seconds=600.0, unseen=True)
    assert simulation.deployment.release == "v2", "not undone for what nobody saw"
    simulation.until(lambda: simulation.deployment.release == "v1", 20)


def test_a_look_that_took_too_long_is_not_decided_on() -> None:
    simulation = rolling()
    generation = simulation.state.generation
    observe = simulation.workloads.observe

    def slowly() -> Mapping[str, InstanceSeen]:
        found = observe()
        simulation.clock.advance(6.0)
        return found

    simulation.workloads.observe = slowly  # type: ignore[method-assign]
    simulation.tick(3)
    assert simulation.state.generation == generation
    assert any("s old: it is looked at again" in str(error) for error in simulation.reported)
    with pytest.raises(Unavailable, match="too old to decide on"):
        simulation.pause()
    simulation.emergency()
    assert simulation.weights() == {"v1": 2}, "an emergency takes what was seen last: it is never refused"
    simulation.workloads.observe = observe  # type: ignore[method-assign]
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED


def test_services_that_answer_slowly_keep_nothing_from_being_decided() -> None:
    service = {"backend": replace(WEB, health_path="/health", version_path="/version")}
    strategy = Strategy(StrategyKind.BLUE_GREEN, blue_green_steps(hold=False))
    simulation = Simulation(replace(policy(2), strategy=strategy), service).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")

    def slowly(path: str, timeout_seconds: float) -> tuple[int, bytes]:
        simulation.clock.advance(10 * timeout_seconds)
        return 200, b'{"version": "v2"}'

    simulation.router.ask = slowly  # type: ignore[method-assign]
    simulation.tick(20, unseen=True)
    assert (simulation.phase, set(simulation.weights())) == (Phase.SUCCEEDED, {"v2"})


def test_an_emergency_waits_for_no_service_that_is_being_asked() -> None:
    service = {"backend": replace(WEB, version_path="/version")}
    strategy = Strategy(StrategyKind.BLUE_GREEN, blue_green_steps(hold=False))
    simulation = Simulation(replace(policy(2), strategy=strategy), service).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    ask, outcomes = simulation.router.ask, []

    def asked(path: str, timeout_seconds: float) -> tuple[int, bytes]:
        simulation.router.ask = ask  # type: ignore[method-assign]
        simulation.router.answers[path] = (200, b'{"version": "v1"}')
        thread = threading.Thread(target=lambda: outcomes.append(simulation.emergency()), daemon=True)
        thread.start()
        thread.join(10.0)
        return ask(path, timeout_seconds)

    simulation.router.ask = asked  # type: ignore[method-assign]
    simulation.until(lambda: simulation.deployment.kind is Kind.EMERGENCY)
    assert [outcome.switched for outcome in outcomes] == [True]
    assert simulation.phase is Phase.SUCCEEDED
