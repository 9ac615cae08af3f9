"""Whose a path at the front door is: it moves only to who is ready, and with who has the users."""

from dataclasses import replace

import pytest

from carelane.delivery.decisions.emergencies import Standing
from carelane.delivery.deployments import Phase
from carelane.delivery.policies import Pace, Policy
from carelane.delivery.releases import RunConfiguration
from carelane.delivery.strategies import DEFAULTS, StrategyKind
from carelane.delivery.users import users
from tests.fakes.instances import NEVER_READY, Behaviour
from tests.fakes.releases import WEB, WORKER
from tests.fakes.simulation import Simulation, policy

APP = replace(WEB, routes=("/app",))
API = replace(WEB, routes=("/api",))
REPLICAS = {"web": 2, "site": 2, "api": 2, "work": 1}
SLOW = Behaviour(ready_after=6)
SLOW_TO_END = Behaviour(ends_after=6)


def settings(**rollback: float) -> Policy:
    return policy(REPLICAS, Pace(0, 1), **rollback)


def owner(simulation: Simulation, path: str = "/") -> str | None:
    """The service that the front door asks for *path*; None where it knows none."""
    routes = simulation.router.routing.services.items()
    found = [name for name, route in routes if path in route.prefixes]
    assert len(found) < 2, f"{path} is {found}'s"
    return next(iter(found), None)


def answered(simulation: Simulation, path: str = "/") -> bool:
    """Whether somebody ready gets what is asked for *path*."""
    name = owner(simulation, path)
    if name is None:
        return False
    versions = simulation.router.routing.services[name].versions.values()
    return any(simulation.router.ready(e.instance) for v in versions if v.weight for e in v.endpoints)


def renamed(**rollback: float) -> Simulation:
    """v1 has `web` on /; v2, which users have, calls it `site`."""
    simulation = Simulation(settings(**rollback), {"web": WEB}).shipped("v1")
    simulation.release("v2", services={"site": WEB})
    simulation.deploy("v2")
    simulation.settle()
    assert (owner(simulation), simulation.running("web")) == ("site", {})
    return simulation


def moving(simulation: Simulation) -> None:
    """Go on until nothing moves; somebody answers at every moment."""
    for _ in range(40):
        simulation.tick()
        assert answered(simulation), simulation.describe()
        if simulation.settled():
            return
    pytest.fail(simulation.describe())


# -- a service with another name


def test_an_emergency_leaves_a_service_only_once_what_has_its_paths_is_ready() -> None:
    simulation = renamed()
    simulation.workloads.behaviours["v1"] = SLOW
    outcome = simulation.emergency()
    assert not outcome.switched
    assert outcome.services["site"].standing is Standing.LEAVING
    assert outcome.services["site"].words == (
        "NOT left yet: v1 does not have it, it has its users until web is ready"
    )
    assert owner(simulation) == "site"
    moving(simulation)
    assert (simulation.phase, owner(simulation), simulation.running("site")) == (Phase.SUCCEEDED, "web", {})


def test_an_emergency_to_what_cannot_start_is_given_up_without_having_left_anything() -> None:
    simulation = renamed(progress_deadline_seconds=8.0)
    simulation.workloads.behaviours["v1"] = NEVER_READY
    simulation.emergency()
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    assert answered(simulation)
    simulation.abort("v1 cannot start")
    assert "nothing had been switched" in simulation.deployment.message
    moving(simulation)
    assert (simulation.state.release, simulation.state.revision, owner(simulation)) == ("v2", 2, "site")
    assert [revision.undone_by for revision in simulation.history] == [None, None]
    assert simulation.running("web") == {}


def test_where_the_service_that_is_left_answers_nobody_the_first_of_the_other_takes_over() -> None:
    simulation = renamed()
    for instance in simulation.instances("v2", service="site"):
        simulation.workloads.behaviours["site", "v2"] = NEVER_READY
        simulation.workloads.kill(instance.id)
    simulation.workloads.behaviours["v1"] = SLOW
    simulation.emergency()
    first, _ = simulation.instances("v1", service="web")
    ready = simulation.workloads.ready
    simulation.router.ready = lambda name: name == first.id and ready(name)
    simulation.until(lambda: answered(simulation))
    assert owner(simulation) == "web"


def test_who_only_gets_ready_somewhere_without_a_path_has_no_users() -> None:
    """An emergency that was given up then would make it stable, with one of two ready."""
    simulation = renamed()
    simulation.workloads.behaviours["v1"] = SLOW
    simulation.emergency()
    first, _ = simulation.instances("v1", service="web")
    ready = simulation.workloads.ready
    others = {i.id for i in simulation.instances("v1", service="web")} - {first.id}
    simulation.router.ready = lambda name: name not in others and ready(name)
    simulation.tick(10)
    simulation.abort("enough")
    assert "nothing had been switched" in simulation.deployment.message
    assert (simulation.state.release, owner(simulation)) == ("v2", "site")


@pytest.mark.parametrize("forward", [False, True])
def test_a_path_moves_to_another_service_only_once_that_is_ready(*, forward: bool) -> None:
    simulation = renamed()
    simulation.workloads.behaviours["web", "v1"] = simulation.workloads.behaviours["web", "v3"] = SLOW
    if forward:
        simulation.release("v3", services={"web": WEB})
        simulation.deploy("v3")
    else:
        simulation.rollback()
    moving(simulation)
    assert (simulation.phase, owner(simulation)) == (Phase.SUCCEEDED, "web")


def test_a_rollback_to_a_service_that_never_gets_ready_takes_nothing_from_users() -> None:
    simulation = renamed(progress_deadline_seconds=8.0)
    simulation.workloads.behaviours["v1"] = NEVER_READY
    simulation.rollback()
    moving(simulation)
    assert (simulation.phase, owner(simulation)) == (Phase.FAILED, "site")


def test_a_path_that_is_added_is_answered_by_whom_it_was_until_the_new_service_is_ready() -> None:
    simulation = Simulation(
        replace(settings(progress_deadline_seconds=8.0), strategy=DEFAULTS[StrategyKind.CANARY]),
        {"web": WEB},
    )
    simulation.shipped("v1")
    simulation.release("v2", NEVER_READY, services={"web": WEB, "site": APP}, changes=("site",))
    simulation.deploy("v2")
    for _ in range(20):
        simulation.tick()
        assert (owner(simulation, "/app"), answered(simulation, "/")) == (None, True)
    simulation.settle()
    assert simulation.phase is Phase.FAILED


def test_a_service_that_nobody_replaces_is_left_at_once() -> None:
    simulation = Simulation(settings(), {"web": WEB}).shipped("v1")
    simulation.release("v2", services={"web": WEB, "site": APP})
    simulation.deploy("v2")
    simulation.settle()
    outcome = simulation.emergency()
    assert outcome.services["site"].standing is Standing.TAKEN_OUT
    assert (owner(simulation, "/app"), owner(simulation)) == (None, "web")


# -- paths of a version


def moved_to(first: RunConfiguration, then: RunConfiguration) -> Simulation:
    """`web` went from the paths of *first* to those of *then*; a worker is slow to end."""
    simulation = Simulation(settings(), {"web": first, "work": WORKER}).shipped("v1")
    simulation.workloads.behaviours["work", "v2"] = SLOW_TO_END
    simulation.release("v2", services={"web": then, "work": WORKER})
    simulation.deploy("v2")
    simulation.settle()
    return simulation


@pytest.mark.parametrize("verb", ["emergency", "rollback"])
def test_paths_go_back_with_the_users_not_when_the_last_service_is_through(verb: str) -> None:
    simulation = moved_to(WEB, APP)
    assert (owner(simulation, "/"), owner(simulation, "/app")) == (None, "web")
    getattr(simulation, verb)()
    simulation.until(lambda: simulation.weights("web") == {"v1": 2})
    assert answered(simulation, "/")
    assert not simulation.deployment.ended, "a worker ends still"


def test_an_emergency_swaps_the_paths_of_two_services_back_in_the_change_that_switches() -> None:
    simulation = Simulation(settings(), {"web": WEB, "api": API, "work": WORKER}).shipped("v1")
    simulation.workloads.behaviours["work", "v2"] = SLOW_TO_END
    simulation.release("v2", services={"web": API, "api": WEB, "work": WORKER})
    simulation.deploy("v2")
    simulation.settle()
    assert (owner(simulation, "/"), owner(simulation, "/api")) == ("api", "web")
    outcome = simulation.emergency()
    assert outcome.switched
    assert (owner(simulation, "/"), owner(simulation, "/api")) == ("web", "api")
    assert not outcome.deployment or not outcome.deployment.ended


def test_a_canarys_paths_are_the_stable_versions_as_long_as_that_has_users() -> None:
    strategy = DEFAULTS[StrategyKind.CANARY]
    simulation = Simulation(replace(settings(), strategy=strategy), {"web": WEB}).shipped("v1")
    simulation.release("v2", services={"web": APP})
    simulation.deploy("v2")
    simulation.until(lambda: "v2" in simulation.weights("web"))
    assert (owner(simulation, "/"), owner(simulation, "/app")) == ("web", None)


def test_a_stable_service_keeps_its_path_where_nobody_at_all_is_ready() -> None:
    """Another service's answer to it would be a wrong one."""
    simulation = Simulation(settings(), {"web": WEB, "api": API}).shipped("v1")
    for instance in simulation.instances("v1", service="api"):
        simulation.workloads.kill(instance.id)
    who = users(simulation.state.services, simulation.engine.observe(simulation.engine.seen.routing))
    assert who["api"].paths == ("/api",)


def test_what_users_have_alone_keeps_them_where_it_is_put_on_trial_again() -> None:
    """An emergency was given up when only the worker was back: v1 is stable, and web's is not ready yet."""
    strategy = DEFAULTS[StrategyKind.BLUE_GREEN]
    simulation = Simulation(
        replace(settings(keep_warm=0), strategy=strategy), {"web": WEB, "work": WORKER}
    ).shipped("v1", "v2")
    simulation.workloads.behaviours["web", "v1"] = NEVER_READY
    simulation.emergency()
    simulation.until(lambda: simulation.running("work") == {"v1": 1})
    simulation.abort()
    assert simulation.state.service("web").stable == "v1"
    simulation.deploy("v2")
    for _ in range(5):
        simulation.tick()
        assert answered(simulation)


@pytest.mark.parametrize("verb", ["abort", "emergency"])
def test_what_is_new_and_alone_answers_its_paths_until_what_it_replaces_is_back(verb: str) -> None:
    """`site` comes in the place of `web`, which has died; then nobody wants it any more."""
    simulation = Simulation(settings(), {"web": WEB}).shipped("v1")
    simulation.release("v2", services={"site": WEB})
    simulation.workloads.behaviours["v2"] = SLOW
    simulation.deploy("v2")
    simulation.until(lambda: simulation.router.ready_of("v2") == 0 and simulation.running("site") != {})
    simulation.workloads.behaviours["web", "v1"] = NEVER_READY
    for instance in simulation.instances("v1", service="web"):
        simulation.workloads.kill(instance.id)
    simulation.router.late = True  # or it would have arrived
    simulation.until(lambda: owner(simulation) == "site")
    simulation.router.late = False
    getattr(simulation, verb)()
    for _ in range(5):
        simulation.tick()
        assert answered(simulation)
    simulation.workloads.behaviours["web", "v1"] = Behaviour()
    moving(simulation)
    assert (owner(simulation), simulation.running("site")) == ("web", {})


# -- paths that an emergency gives back


@pytest.mark.parametrize("behaviour", [Behaviour(), Behaviour(unstartable="no such program")])
def test_what_becomes_a_worker_again_gives_its_path_back_at_once(behaviour: Behaviour) -> None:
    services = {"site": replace(WEB, routes=("/site",)), "work": WORKER}
    simulation = Simulation(settings(), services).shipped("v1")
    simulation.release(
        "v2", changes=("work",), services={**services, "work": replace(WEB, routes=("/site/x",))}
    )
    simulation.deploy("v2")
    simulation.settle()
    assert owner(simulation, "/site/x") == "work"
    simulation.workloads.behaviours |= {"v1": behaviour, "v2": SLOW_TO_END}
    simulation.emergency()
    assert owner(simulation, "/site/x") is None  # /site answers it, as it did in v1
    assert simulation.router.routing.expected == ()
    assert [copy.leaving for copy in simulation.engine.seen.of("work")] == [True]
    simulation.until(lambda: not simulation.engine.seen.of("work")[0].leaving)
    assert owner(simulation, "/site/x") is None
    assert simulation.router.routing.expected == ()


def test_a_path_waits_for_who_names_it_where_its_users_left_who_did() -> None:
    services = {"web": replace(WEB, routes=("/web",)), "api": API}
    simulation = Simulation(settings(), services).shipped("v1")
    simulation.release("v2", services={"api": replace(API, routes=("/api", "/web"))})
    simulation.deploy("v2")
    simulation.settle()
    assert owner(simulation, "/web") == "api"
    simulation.workloads.behaviours["v1"] = SLOW
    simulation.emergency()
    assert simulation.router.routing.services["api"].versions["v1"].weight  # kept warm, and without /web
    assert owner(simulation, "/web") is None
    assert simulation.router.routing.expected == ("/web",)
    simulation.settle()
    assert answered(simulation, "/web")
    assert owner(simulation, "/web") == "web"
