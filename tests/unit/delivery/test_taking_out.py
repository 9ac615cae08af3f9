"""Services that only one of two releases has: leaving them is a change like any other, and seen to be one."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from carelane.delivery.decisions.emergencies import Standing
from carelane.delivery.deployments import Kind, Phase
from tests.fakes.instances import NEVER_READY
from tests.fakes.releases import WEB
from tests.fakes.simulation import Simulation, policy

ONE, TWO = {"backend": WEB}, {"backend": WEB, "api": WEB}
REPLICAS = {"backend": 1, "api": 1}


def removing() -> Simulation:
    """v2 has just succeeded: it changes backend, and has no api, which still drains."""
    simulation = Simulation(policy(REPLICAS), TWO).shipped("v1")
    simulation.release("v2", services=ONE, changes=("backend",))
    simulation.deploy("v2")
    simulation.until(lambda: simulation.state.deployment is None)
    assert simulation.fleet.crew("api").instances, "it drains still"
    return simulation


def adding() -> Simulation:
    """v2 adds api, and changes nothing else."""
    simulation = Simulation(policy(REPLICAS), ONE).shipped("v1")
    simulation.release("v2", services=TWO, changes=("api",))
    simulation.deploy("v2")
    simulation.settle()
    assert simulation.weights("api") == {"v2": 1}
    return simulation


def test_an_emergency_is_not_refused_while_what_was_removed_drains() -> None:
    simulation = removing()
    simulation.emergency()
    assert simulation.weights() == {"v1": 1}
    simulation.settle()
    assert simulation.weights("api") == {"v1": 1}


def test_what_drains_is_not_taken_for_what_users_have_on_its_way() -> None:
    simulation = removing()
    simulation.release("v3", NEVER_READY, services=ONE)
    simulation.deploy("v3")
    simulation.tick()
    simulation.emergency()
    assert simulation.weights() == {"v1": 1}, "v2 is what users suffer from"


def test_what_was_taken_out_and_serves_no_more_has_no_path_at_the_front_door() -> None:
    simulation = removing()
    route = simulation.router.routing.services["api"]
    assert route.prefixes == ()
    assert route.versions["v1"].endpoints, "who is under way ends well"


def test_leaving_a_service_that_was_added_is_said_and_done_only_once_the_proxies_took_it() -> None:
    simulation = adding()
    outcome = simulation.emergency()
    assert outcome.services["api"].standing is Standing.TAKEN_OUT
    assert outcome.message == "api: taken out: v1 does not have it"
    assert simulation.router.routing.services["api"].prefixes == ()
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    assert simulation.running("api") == {}


def rejecting(simulation: Simulation) -> None:
    simulation.router.rejects = lambda _: "proxy-1 rejected it"


def silent(simulation: Simulation) -> None:
    simulation.router.silent = True
    simulation.tick()


@pytest.mark.parametrize("how", [rejecting, silent])
def test_an_emergency_that_only_takes_out_is_not_done_before_the_proxies_took_it(
    how: Callable[[Simulation], None],
) -> None:
    simulation = adding()
    how(simulation)
    outcome = simulation.emergency()
    assert not outcome.switched
    simulation.tick(3)
    assert simulation.phase is Phase.PROGRESSING
    simulation.router.silent, simulation.router.rejects = False, lambda _: ""
    simulation.settle()
    assert (simulation.phase, simulation.state.release) == (Phase.SUCCEEDED, "v1")
    assert simulation.running("api") == {}


def test_a_rollback_that_only_takes_out_is_not_done_while_the_proxies_reject_everything() -> None:
    simulation = adding()
    rejecting(simulation)
    simulation.rollback()
    simulation.tick(5)
    assert not simulation.deployment.ended
    simulation.tick(2, seconds=600.0)
    assert simulation.phase is Phase.FAILED
    assert simulation.deployment.message == "routing: proxy-1 rejected it"
    assert simulation.weights("api") == {"v2": 1}


def test_a_plan_names_what_would_be_taken_out() -> None:
    plan = adding().operations.rollback_plan("production", Kind.EMERGENCY)
    assert plan.message == "production would go back to v1 (revision 1): api v2 -> nothing"


def test_what_was_to_leave_stays_once_it_is_deployed_again() -> None:
    replicas = {"backend": 4, "api": 1}
    both = {"backend": WEB, "api": replace(WEB, routes=("/api",))}
    simulation = Simulation(policy(replicas, keep_warm=0), ONE).shipped("v1")
    simulation.release("v2", services=both)
    simulation.deploy("v2")
    simulation.settle()
    fit: set[str] = set()
    ready = simulation.workloads.ready
    simulation.router.ready = lambda name: (
        ready(name) and (name in fit or simulation.workloads.processes[name].version.label != "v1")
    )
    simulation.emergency()
    simulation.tick(3)
    fit.add(simulation.instances("v1")[0].id)
    simulation.tick()
    simulation.abort()
    fit.clear()
    assert simulation.state.service("api").leaves_for == ("backend",)
    simulation.deploy("v2")
    simulation.settle()
    assert (simulation.phase, simulation.state.release) == (Phase.SUCCEEDED, "v2")
    simulation.tick(5)
    assert (simulation.weights("backend"), simulation.weights("api")) == ({"v2": 4}, {"v2": 1})
    assert simulation.state.service("api").leaves_for == ()
