"""No undo is refused while users have the bad version; none is done before they have the good one."""

from dataclasses import replace

import pytest

from carelane.base.errors import ConflictError
from carelane.delivery.deployments import Kind, Phase
from carelane.delivery.environments import Intent
from carelane.delivery.strategies import CanaryStep, StepKind, Strategy, StrategyKind
from tests.fakes.releases import WEB, WORKER
from tests.fakes.simulation import Simulation, policy
from tests.fakes.workloads import NEVER_READY, WELL, Behaviour

APP = replace(WEB, routes=("/app",))
REPLICAS = {"backend": 2, "site": 1, "jobs": 1}
HALF = Strategy(StrategyKind.CANARY, (CanaryStep(StepKind.WEIGHT, 50), CanaryStep(StepKind.PAUSE)))


def adding(*, paused: bool) -> Simulation:
    """v2 adds `site`, which users have already, and is on its way: backend follows, or somebody holds it."""
    simulation = Simulation(policy(REPLICAS), {"backend": WEB}).shipped("v1")
    simulation.release("v2", services={"site": APP, "backend": WEB})
    simulation.workloads.behaviours["backend", "v2"] = Behaviour(ready_after=None)
    simulation.deploy("v2")
    simulation.until(lambda: simulation.weights("site") == {"v2": 1} and simulation.instances("v2") != [])
    if paused:
        simulation.pause()
    return simulation


@pytest.mark.parametrize("paused", [False, True])
@pytest.mark.parametrize("kind", [Kind.EMERGENCY, Kind.ROLLBACK])
def test_what_adds_a_service_on_its_way_is_left(kind: Kind, *, paused: bool) -> None:
    simulation = adding(paused=paused)
    plan = simulation.operations.rollback_plan("production", kind)
    assert "site v2 -> nothing" in plan.message
    simulation.emergency() if kind is Kind.EMERGENCY else simulation.rollback()
    assert simulation.router.routing.services["site"].prefixes == ()
    simulation.settle()
    assert (simulation.phase, simulation.state.release) == (Phase.SUCCEEDED, "v1")
    assert (simulation.running("site"), simulation.running("backend")) == ({}, {"v1": 2})


def test_what_only_adds_a_service_is_left_while_nothing_else_of_it_is_there() -> None:
    simulation = Simulation(policy(REPLICAS), {"backend": WEB}).shipped("v1")
    simulation.release("v2", services={"backend": WEB, "site": APP}, changes=("site",))
    simulation.workloads.behaviours["site", "v2"] = Behaviour(ready_after=2)
    simulation.deploy("v2")
    simulation.tick(2)
    simulation.pause()
    simulation.until(lambda: simulation.weights("site") == {"v2": 1})
    outcome = simulation.emergency()
    assert outcome.message == "site: taken out: v1 does not have it"
    simulation.settle()
    assert (simulation.phase, simulation.running("site")) == (Phase.SUCCEEDED, {})


def test_an_undo_that_takes_out_what_was_on_its_way_is_not_done_before_the_proxies_took_it() -> None:
    simulation = adding(paused=True)
    simulation.router.late = True
    simulation.rollback()
    simulation.tick(5)
    assert not simulation.deployment.ended
    simulation.router.late = False
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED


@pytest.mark.parametrize("verb", ["emergency", "rollback"])
def test_a_worker_that_became_a_web_service_ends_and_can_be_gone_back_to(verb: str) -> None:
    simulation = Simulation(policy(REPLICAS), {"backend": WEB, "jobs": WORKER}).shipped("v1")
    simulation.release("v2", services={"backend": WEB, "jobs": APP})
    simulation.deploy("v2")
    simulation.settle()
    assert simulation.running("jobs") == {"v2": 1}, "a worker is never kept warm: it would work on"
    assert simulation.instances("v1", Intent.WARM), "backend is"
    getattr(simulation, verb)()
    simulation.settle()
    assert (simulation.phase, simulation.running("jobs")) == (Phase.SUCCEEDED, {"v1": 1})
    assert simulation.weights("backend") == {"v1": 2}


def test_deploying_what_is_stable_over_a_canary_is_done_only_once_users_are_there() -> None:
    simulation = Simulation(replace(policy(REPLICAS), strategy=HALF), {"backend": WEB})
    simulation.shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.workloads.behaviours["v1"] = NEVER_READY
    for instance in simulation.instances("v1"):
        simulation.workloads.kill(instance.id)
    simulation.tick(2)
    simulation.deploy("v1")
    simulation.tick(2)
    assert not simulation.deployment.ended, "users are with v2"
    assert simulation.deployment.rollouts["backend"].from_label == "v2"
    simulation.workloads.behaviours["v1"] = WELL
    simulation.settle()
    assert (simulation.phase, simulation.running()) == (Phase.SUCCEEDED, {"v1": 2})
    assert simulation.state.service("backend").previous == (), "what was left on trial is not kept"
    assert simulation.state.revision == 1


def test_a_deployment_that_changes_no_service_is_done_once_its_routing_is_taken() -> None:
    simulation = Simulation(policy(2)).shipped("v1")
    simulation.release("v2", changes=())
    simulation.deploy("v2")
    simulation.settle()
    assert (simulation.phase, simulation.state.revision) == (Phase.SUCCEEDED, 2)


def test_a_version_is_verified_by_itself_too_for_another_service_may_have_answered() -> None:
    asked = replace(WEB, health_path="/health")
    simulation = Simulation(policy(1), {"backend": asked}).shipped("v1", "v2")
    simulation.router.answers = {"/health": (200, b""), "backend v1 /health": (500, b"")}
    outcome = simulation.emergency()
    assert outcome.verified is False
    assert outcome.message == ("backend: switched to v1, NOT verified: v1 itself: /health answered 500")


def test_an_emergency_that_starts_something_is_verified_once_that_is_there() -> None:
    asked = replace(WEB, health_path="/health")
    simulation = Simulation(policy(1, keep_warm=0), {"backend": asked}).shipped("v1", "v2")
    simulation.workloads.behaviours["v1"] = Behaviour(ready_after=5)
    simulation.router.answers = {"/health": (500, b"")}
    first = simulation.emergency()
    assert (first.switched, first.verified) == (False, None)
    assert first.deployment is not None
    assert not simulation.operations.emergency_standing(first.deployment.id).switched
    simulation.settle()
    then = simulation.operations.emergency_standing(first.deployment.id)
    assert (then.switched, then.verified) == (True, False)
    assert then.message == "backend: switched to v1, NOT verified: /health answered 500"


def test_what_was_taken_out_at_last_is_said_as_it_is_then() -> None:
    simulation = Simulation(policy(REPLICAS), {"backend": WEB}).shipped("v1")
    simulation.release("v2", services={"site": WEB})
    simulation.deploy("v2")
    simulation.settle()
    simulation.workloads.behaviours["v1"] = Behaviour(ready_after=5)
    first = simulation.emergency()
    assert first.deployment is not None
    assert "NOT left yet" in first.message
    simulation.settle()
    then = simulation.operations.emergency_standing(first.deployment.id)
    assert then.switched
    assert then.message == (
        "backend: switched to v1, with no health or version path to verify it by;"
        " site: taken out: v1 does not have it"
    )


def test_only_an_emergency_has_a_standing() -> None:
    simulation = Simulation(policy(1)).shipped("v1")
    with pytest.raises(ConflictError, match="deployment 1 is no emergency rollback"):
        simulation.operations.emergency_standing(1)
