"""How deployments go forward, fail, and turn back: services in order, and all of them together."""

from dataclasses import replace

import pytest

from carelane.delivery.deployments import Phase, RolloutPhase
from carelane.delivery.policies import Pace
from carelane.delivery.replicas.routing import Routing
from tests.fakes.instances import CRASH_LOOPING, HANGING, NEVER_READY, Behaviour
from tests.fakes.releases import WEB
from tests.fakes.simulation import Simulation, policy

TWO = {"backend": WEB, "frontend": WEB}


def versions(made: Routing) -> set[str]:
    """The labels of the backend that a routing speaks of."""
    return set(made.services["backend"].versions)


# -- failing, and going back


@pytest.mark.parametrize(
    ("behaviour", "said"),
    [
        (NEVER_READY, "backend: deadline: 0 of 2 instances of v2 ready, no progress for 60 s"),
        (CRASH_LOOPING, "backend: crash loop: backend-3 ended 3 times, last with exit code 1"),
        (HANGING, "backend: liveness: backend-3 does not answer its liveness probe"),
        (
            Behaviour(unstartable="cannot fill in '${prot}'"),
            "backend: start: backend-3 cannot be started: cannot fill in '${prot}'",
        ),
    ],
)
def test_a_failing_release_is_undone_and_the_reason_is_one_sentence(behaviour: Behaviour, said: str) -> None:
    simulation = Simulation(policy(2, Pace(0, 1), progress_deadline_seconds=60.0)).shipped("v1")
    simulation.release("v2", behaviour)
    simulation.deploy("v2")
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert simulation.deployment.message == said
    assert simulation.weights() == {"v1": 2}
    assert simulation.running() == {"v1": 2}
    assert [r.release for r in simulation.history] == ["v1"]


def test_a_release_whose_routing_the_proxies_reject_is_undone_and_not_called_done() -> None:
    simulation = Simulation().shipped("v1")
    simulation.release("v2")
    simulation.router.rejects = lambda r: "proxy-1 rejected it" if "v2" in versions(r) else ""
    simulation.deploy("v2")
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert simulation.deployment.message == "backend: routing: proxy-1 rejected it"
    assert simulation.weights() == {"v1": 2}
    assert [r.release for r in simulation.history] == ["v1"]
    assert [str(error) for error in simulation.reported] == ["proxy-1 rejected it"]


def test_a_rejection_of_what_is_just_leaving_ends_nobody_else() -> None:
    simulation = Simulation().shipped("v1")
    simulation.release("v2")
    simulation.router.rejects = lambda r: "" if r.generation > 6 else "proxy-1 rejected it"
    simulation.router.rejected_seconds = 0.5
    simulation.deploy("v2")
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED


def test_a_routing_that_the_proxies_never_take_up_ends_with_the_deadline() -> None:
    simulation = Simulation(policy(1, progress_deadline_seconds=60.0)).shipped("v1")
    simulation.release("v2")
    simulation.router.rejects = lambda r: "late" if "v2" in versions(r) else ""
    simulation.router.rejected_seconds = 0.0
    simulation.deploy("v2")
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert (
        "1 of 1 instances of v2 ready, the proxies have not taken the routing"
        in simulation.deployment.message
    )


def test_old_instances_kept_warm_take_all_traffic_in_the_decision_that_finds_the_failure() -> None:
    simulation = Simulation(policy(5, Pace(0, 1), keep_warm=1)).shipped("v1")
    simulation.release("v2", replace(HANGING, hangs_after=6))
    simulation.deploy("v2")
    weights: dict[str, int] = {}
    while simulation.phase is not Phase.FAILED:
        weights = simulation.weights()
        simulation.tick()
    assert weights["v2"] >= 2
    assert simulation.weights() == {"v1": 5}


def test_without_warm_instances_the_failing_ones_serve_on_until_the_old_ones_are_back() -> None:
    """Fewer instances than promised would be worse than what is being left."""
    simulation = Simulation(policy(5, Pace(0, 1), keep_warm=0)).shipped("v1")
    simulation.workloads.behaviours["v1"] = Behaviour(ready_after=5)
    simulation.release("v2", Behaviour(ready_after=1, hangs_after=6))
    simulation.deploy("v2")
    simulation.until(lambda: simulation.phase is Phase.ABORTING)
    while simulation.phase is Phase.ABORTING:
        assert sum(simulation.weights().values()) >= 5
        simulation.tick()
    simulation.settle()
    assert simulation.weights() == {"v1": 5}


def test_a_first_release_that_fails_leaves_nothing_behind() -> None:
    simulation = Simulation(policy(2, progress_deadline_seconds=30.0))
    simulation.release("v1", NEVER_READY)
    simulation.deploy("v1")
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert simulation.running() == {}
    assert simulation.history == []
    assert simulation.state.release is None


def test_with_automatic_rollback_off_a_failing_deployment_is_held_for_a_person() -> None:
    simulation = Simulation(policy(2, automatic=False, progress_deadline_seconds=30.0)).shipped("v1")
    simulation.release("v2", CRASH_LOOPING)
    simulation.deploy("v2")
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.tick(50)
    assert simulation.deployment.phase is Phase.PAUSED
    assert simulation.deployment.message.endswith("automatic rollback is off: abort, resume or deploy a fix")
    simulation.abort()
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert simulation.weights() == {"v1": 2}


def test_a_return_that_takes_too_long_ends_and_says_so_while_stable_is_still_brought_back() -> None:
    simulation = Simulation(policy(2, Pace(1, 0), keep_warm=0, progress_deadline_seconds=30.0)).shipped("v1")
    simulation.release("v2", NEVER_READY)
    simulation.deploy("v2")
    simulation.until(lambda: simulation.running().get("v2") == 1)
    simulation.workloads.behaviours["v1"] = NEVER_READY
    simulation.settle(200)
    assert simulation.phase is Phase.FAILED
    assert simulation.deployment.message.endswith("the stable version was not whole again in time")
    simulation.workloads.behaviours.pop("v1")
    simulation.tick(5)
    assert simulation.weights() == {"v1": 2}


def test_waiting_for_a_database_has_a_deadline_as_every_waiting_has() -> None:
    simulation = Simulation(policy(2, progress_deadline_seconds=30.0))
    simulation.backing.slow = True
    simulation.release("v1")
    simulation.deploy("v1")
    simulation.until(lambda: simulation.deployment.ended, within=100)
    assert simulation.phase is Phase.FAILED


# -- several services


def test_services_go_in_declared_order_one_after_another() -> None:
    simulation = Simulation(policy({"backend": 1, "frontend": 1}), TWO).shipped("v1")
    simulation.release("v2", Behaviour(ready_after=5))
    simulation.deploy("v2")
    while not simulation.deployment.ended:
        simulation.tick()
        if simulation.instances("v2", service="frontend"):
            assert simulation.weights("backend") == {"v2": 1}
    assert simulation.phase is Phase.SUCCEEDED
    moved = [e.subject for e in simulation.entries("rollout.promoting")[-2:]]
    assert moved == ["2/backend", "2/frontend"]


def test_one_failing_service_takes_back_those_that_had_arrived() -> None:
    simulation = Simulation(
        policy({"backend": 2, "frontend": 2}, progress_deadline_seconds=30.0), TWO
    ).shipped("v1")
    simulation.release("v2")
    simulation.workloads.behaviours["frontend", "v2"] = NEVER_READY
    simulation.deploy("v2")
    simulation.until(lambda: simulation.weights("backend") == {"v2": 2})
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert simulation.weights("backend") == {"v1": 2}
    assert simulation.weights("frontend") == {"v1": 2}
    phases = {n: r.phase for n, r in simulation.deployment.rollouts.items()}
    assert phases == {"backend": RolloutPhase.DEGRADED, "frontend": RolloutPhase.DEGRADED}
    reasons = {n: r.reason for n, r in simulation.deployment.rollouts.items()}
    assert reasons == {"backend": "taken back with frontend", "frontend": simulation.deployment.message}


def test_a_service_that_had_arrived_and_then_crashes_fails_the_deployment_too() -> None:
    simulation = Simulation(policy({"backend": 1, "frontend": 1}), TWO).shipped("v1")
    simulation.release("v2")
    simulation.workloads.behaviours["frontend", "v2"] = Behaviour(ready_after=50)
    simulation.deploy("v2")
    simulation.until(lambda: simulation.weights("backend") == {"v2": 1})
    simulation.workloads.behaviours["backend", "v2"] = CRASH_LOOPING
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert simulation.deployment.message.startswith("backend: crash loop")


def test_a_service_that_a_release_does_not_change_is_not_touched() -> None:
    simulation = Simulation(policy({"backend": 1, "frontend": 1}), TWO).shipped("v1")
    before = simulation.instances("v1", service="frontend")
    simulation.release("v2", changes=("backend",))
    simulation.deploy("v2")
    simulation.settle()
    assert list(simulation.deployment.rollouts) == ["backend"]
    assert simulation.instances("v1", service="frontend") == before


def test_a_service_that_a_release_no_longer_has_leaves_only_once_the_rest_has_arrived() -> None:
    simulation = Simulation(policy({"backend": 1, "frontend": 1}), TWO).shipped("v1")
    simulation.release("v2", services={"backend": WEB})
    simulation.deploy("v2")
    while not simulation.deployment.ended:
        assert simulation.weights("frontend") == {"v1": 1}
        simulation.tick()
    simulation.settle()
    assert simulation.running("frontend") == {}
    assert simulation.running("backend") == {"v1": 1, "v2": 1}
