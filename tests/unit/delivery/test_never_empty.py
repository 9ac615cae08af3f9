"""No undo is refused while users have the bad version; none is done before they have the good one."""

from dataclasses import replace

import pytest

from carelane.base.errors import ConflictError
from carelane.delivery.decisions.emergencies import Standing
from carelane.delivery.deployments import Kind, Phase
from carelane.delivery.replicas.fleet import Intent
from carelane.delivery.strategies import CanaryStep, StepKind, Strategy, StrategyKind
from tests.fakes.instances import CRASH_LOOPING, NEVER_READY, WELL, Behaviour
from tests.fakes.releases import WEB, WORKER
from tests.fakes.simulation import Simulation, policy

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


def half_there(*, beside: bool) -> Simulation:
    """v1's site is new here, and answers users; one of its instances does not get ready."""
    services = {"backend": WEB, "site": APP} if beside else {"site": APP}
    simulation = Simulation(policy({"backend": 2, "site": 3}), services)
    if beside:
        simulation.release("v0", services={"backend": WEB})
        simulation.deploy("v0")
        simulation.settle()
    simulation.release("v1")
    simulation.deploy("v1")
    simulation.until(lambda: len(simulation.instances("v1", service="site")) == 3)
    simulation.workloads.processes[simulation.instances("v1", service="site")[-1].id].age = -1000
    simulation.until(lambda: simulation.weights("site") == {"v1": 2})
    return simulation


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("wanted", ["v2", "v3"])
def test_what_is_new_here_answers_until_what_is_deployed_over_it_does(wanted: str, *, beside: bool) -> None:
    simulation = half_there(beside=beside)
    for name in ("v2", "v3"):
        simulation.release(name, Behaviour(ready_after=5))
    for name in ("v2", wanted):
        simulation.deploy(name)
        for _ in range(3):
            simulation.tick()
            assert simulation.fit("site", "v1")
            assert simulation.weights("site").get("v1")
    simulation.settle(200)
    assert (simulation.phase, set(simulation.weights("site"))) == (Phase.SUCCEEDED, {wanted})


def test_a_second_emergency_keeps_who_has_the_paths_until_somebody_else_answers_them() -> None:
    shapes = {name: {service: WEB, "jobs": WORKER} for name, service in (("v1", "backend"), ("v2", "site"))}
    simulation = Simulation(policy(REPLICAS), {**shapes["v1"], **shapes["v2"]})
    for name, services in (*shapes.items(), ("v3", shapes["v1"])):
        simulation.release(name, services=services)
        simulation.deploy(name)
        simulation.settle()
    simulation.workloads.behaviours["jobs", "v2"] = CRASH_LOOPING
    simulation.workloads.behaviours["backend", "v1"] = Behaviour(ready_after=5)
    simulation.emergency()
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    assert simulation.weights("site") == {"v2": 1}
    outcome = simulation.emergency()
    assert outcome.services["site"].standing is Standing.LEAVING
    while not simulation.fit("backend", "v1"):
        assert simulation.router.routing.services["site"].prefixes == ("/",)
        assert simulation.instances("v2", Intent.SERVE, service="site")
        simulation.tick()
    simulation.settle()
    assert (simulation.phase, simulation.weights("backend")) == (Phase.SUCCEEDED, {"v1": 2})
    assert simulation.running("site") == {}


def test_of_a_new_service_that_is_left_it_is_not_said_that_it_was_taken_out_while_it_has_its_users() -> None:
    simulation = adding(paused=True)
    sick = {i.id for i in simulation.instances("v1")}
    ready = simulation.workloads.ready
    simulation.router.ready = lambda name: name not in sick and ready(name)
    simulation.tick()
    outcome = simulation.emergency()
    assert simulation.router.routing.services["site"].prefixes == ("/app",)
    assert outcome.services["site"].words == (
        "NOT left yet: v1 does not have it, it has its users until backend is ready"
    )
    assert not outcome.switched
    sick.clear()
    simulation.settle()
    assert simulation.operations.emergency_standing(simulation.deployment.id).switched
    assert simulation.running("site") == {}


def test_an_emergency_leaves_what_was_new_before_what_replaces_it_has_begun() -> None:
    simulation = half_there(beside=True)
    simulation.release("v2", changes=("site",))
    simulation.deploy("v2")
    outcome = simulation.emergency()
    assert (outcome.deployment.release, list(outcome.services)) == ("v0", ["site"])  # type: ignore[union-attr]
    assert simulation.router.routing.services["site"].prefixes == ()
    simulation.settle()
    assert (simulation.phase, simulation.running("site")) == (Phase.SUCCEEDED, {})


def test_what_is_up_beside_a_service_answers_for_nobody() -> None:
    """v2 gives the path of site to backend, which is new; v2's site is up, and has no users."""
    shapes = {"v1": {"site": WEB}, "v2": {"backend": WEB, "site": APP}}
    strategy = Strategy(
        StrategyKind.BLUE_GREEN, (CanaryStep(StepKind.SCALE, 100), CanaryStep(StepKind.PAUSE))
    )
    simulation = Simulation(replace(policy(REPLICAS), strategy=strategy), {"backend": WEB, "site": WEB})
    for name, services in shapes.items():
        simulation.release(name, services=services)
        simulation.deploy(name)
        simulation.tick(6)
    assert (simulation.phase, simulation.weights("site")) == (Phase.PAUSED, {"v1": 10_000})
    ready = simulation.workloads.ready
    sick = {i.id for i in simulation.instances("v1", service="site")}
    simulation.router.ready = lambda name: name not in sick and ready(name)
    simulation.tick()
    assert simulation.router.routing.services["backend"].prefixes == ("/",)
    simulation.workloads.behaviours["v1"] = Behaviour(ready_after=5)
    simulation.emergency()
    assert simulation.router.routing.services["backend"].prefixes == ("/",)
    simulation.settle()
    assert (simulation.phase, simulation.weights("site")) == (Phase.SUCCEEDED, {"v1": 1})
    assert simulation.running("backend") == {}
