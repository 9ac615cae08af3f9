"""Nothing stops an emergency rollback, and nothing false is called done."""

from dataclasses import replace

import pytest

from carelane.base.errors import ConflictError, NotFoundError
from carelane.delivery.decisions.emergencies import Standing
from carelane.delivery.deployments import Kind, Phase
from carelane.delivery.policies import Pace
from carelane.delivery.replicas.fleet import Intent
from carelane.delivery.strategies import CanaryStep, StepKind, Strategy, StrategyKind
from tests.fakes.instances import NEVER_READY, Behaviour
from tests.fakes.releases import MIGRATING, WEB, WORKER
from tests.fakes.simulation import Simulation, policy

BOTH = {"backend": WEB, "reminders": WORKER}
HELD = Strategy(StrategyKind.CANARY, (CanaryStep(StepKind.WEIGHT, 10), CanaryStep(StepKind.PAUSE)))


def held_canary(*, irreversible: bool = False) -> Simulation:
    """v1 is stable, and v2's canary has a tenth of the users and waits for a person."""
    run = MIGRATING if irreversible else WEB
    simulation = Simulation(replace(policy(2), strategy=HELD), {"backend": run}).shipped("v1")
    simulation.release("v2", irreversible=irreversible)
    simulation.deploy("v2")
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    return simulation


# -- where it goes: by what runs, never by a name


@pytest.mark.parametrize("verb", ["emergency", "rollback"])
def test_going_back_skips_a_release_that_changed_no_service(verb: str) -> None:
    simulation = Simulation(policy(2, keep_warm=2)).shipped("v1", "v2")
    simulation.release("v3-docs", changes=())
    simulation.deploy("v3-docs")
    simulation.settle()
    getattr(simulation, verb)()
    simulation.settle()
    assert simulation.weights() == {"v1": 2}
    assert simulation.state.release == "v1"
    assert [r.undone_by for r in simulation.history] == [None, 4, 4, None]


@pytest.mark.parametrize("verb", ["emergency", "rollback"])
def test_where_no_earlier_revision_differs_it_is_refused_and_only_that_is_recorded(verb: str) -> None:
    """cases.md A, argo-rollouts#1292."""
    simulation = Simulation(policy(2)).shipped("v1")
    simulation.release("v2-docs", changes=())
    simulation.deploy("v2-docs")
    simulation.settle()
    before = (simulation.snapshot, simulation.acts())
    with pytest.raises(NotFoundError, match="in which a service differs from what runs"):
        getattr(simulation, verb)()
    assert (simulation.snapshot, simulation.acts()) == (before[0], [*before[1], "request.refused"])


def test_a_revision_that_differs_in_no_service_is_refused_where_it_is_named() -> None:
    simulation = Simulation(policy(2)).shipped("v1")
    simulation.release("v2-docs", changes=())
    simulation.deploy("v2-docs")
    simulation.settle()
    with pytest.raises(ConflictError, match="has v1 \\(revision 1\\) already: no service differs"):
        simulation.rollback(to_revision=1)


@pytest.mark.parametrize("how", ["rollback", "deploy"])
def test_an_emergency_after_a_return_never_goes_to_what_was_left(how: str) -> None:
    """v3 was left for v2, by a rollback or by deploying v2 anew: an emergency out of v2 goes to v1."""
    simulation = Simulation(policy(1)).shipped("v1", "v2", "v3")
    if how == "rollback":
        simulation.rollback()
    else:
        simulation.deploy("v2")
    simulation.settle()
    assert simulation.state.release == "v2"
    simulation.emergency(past=("v2",))
    simulation.settle()
    assert simulation.weights() == {"v1": 1}


def test_a_release_undone_in_an_emergency_is_not_returned_to_unless_it_is_named() -> None:
    """cases.md A, orca PR 3341."""
    simulation = Simulation(policy(1)).shipped("v1", "v2")
    simulation.emergency()
    simulation.settle()
    simulation.release("v3")
    simulation.deploy("v3")
    simulation.settle()
    simulation.rollback()
    simulation.settle()
    assert simulation.state.release == "v1"


def test_a_numbered_revision_is_gone_back_to_twice() -> None:
    """cases.md A, kubernetes#51315."""
    simulation = Simulation(policy(1)).shipped("v1", "v2")
    for _ in range(2):
        simulation.rollback(to_revision=1)
        simulation.settle()
        assert simulation.weights() == {"v1": 1}
        simulation.deploy("v2")
        simulation.settle()
        assert simulation.weights() == {"v2": 1}


def test_an_emergency_leaves_what_users_have_not_what_waits_beside_it() -> None:
    """Of v3 nothing is ready yet: it is v2 that users suffer from."""
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    simulation.release("v3", NEVER_READY)
    simulation.deploy("v3")
    simulation.tick(3)
    outcome = simulation.emergency()
    assert outcome.switched
    assert simulation.weights() == {"v1": 2}
    simulation.settle()
    assert simulation.running() == {"v1": 2}


def test_an_emergency_out_of_a_canary_with_users_goes_to_stable() -> None:
    simulation = held_canary()
    simulation.emergency()
    assert set(simulation.weights()) == {"v1"}
    assert simulation.deployment.release == "v1"
    simulation.settle()
    assert simulation.running() == {"v1": 2}


def test_where_a_rollback_would_go_is_said_beforehand_and_nothing_is_recorded() -> None:
    """cases.md A, kamal#1658."""
    simulation = Simulation(policy(1)).shipped("v1", "v2", "v3")
    before = (simulation.snapshot, simulation.acts())
    for kind in (Kind.ROLLBACK, Kind.EMERGENCY):
        plan = simulation.operations.rollback_plan("production", kind)
        assert plan.message == "production would go back to v2 (revision 2): backend v3 -> v2"
    named = simulation.operations.rollback_plan("production", Kind.ROLLBACK, 1)
    assert named.message == "production would go back to v1 (revision 1): backend v3 -> v1"
    assert (simulation.snapshot, simulation.acts()) == before


# -- the switch comes before every rule that may say what is wrong


def test_warm_instances_that_restarted_often_are_switched_to() -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    for instance in simulation.instances("v1"):
        simulation.workloads.processes[instance.id].restarts = 3
    outcome = simulation.emergency()
    assert outcome.switched
    assert simulation.weights() == {"v1": 2}
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED


def test_a_rejected_routing_before_it_does_not_keep_an_emergency_from_switching() -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    simulation.router.rejects = lambda r: "" if r.generation > bad else "proxy-1 rejected it"
    bad = simulation.state.generation
    simulation.tick()
    assert simulation.engine.seen.routing.rejected_seconds > 5
    outcome = simulation.emergency()
    assert outcome.switched
    simulation.settle()
    assert (simulation.phase, simulation.weights()) == (Phase.SUCCEEDED, {"v1": 2})


def test_an_emergency_is_not_held_and_cannot_be_paused() -> None:
    simulation = Simulation(policy(2, keep_warm=0)).shipped("v1", "v2")
    simulation.workloads.behaviours["v1"] = NEVER_READY
    simulation.emergency()
    with pytest.raises(ConflictError, match="is not held by anything"):
        simulation.pause()


def test_an_emergency_that_asked_a_person_switches_all_the_same_once_it_can() -> None:
    simulation = Simulation(policy(2, keep_warm=0, progress_deadline_seconds=20.0)).shipped("v1", "v2")
    simulation.workloads.behaviours["v1"] = NEVER_READY
    simulation.emergency()
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    assert "deadline: 0 of 2 instances of v1 ready" in simulation.deployment.message
    simulation.workloads.behaviours["v1"] = Behaviour()
    simulation.settle()
    assert (simulation.phase, simulation.weights()) == (Phase.SUCCEEDED, {"v1": 2})


def test_a_person_is_reminded_of_an_emergency_that_does_not_come_about() -> None:
    simulation = Simulation(policy(1, keep_warm=0, progress_deadline_seconds=20.0)).shipped("v1", "v2")
    simulation.workloads.behaviours["v1"] = NEVER_READY
    simulation.emergency()
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.tick(3, seconds=90_000.0)
    assert len(simulation.entries("deployment.overdue")) == 3


@pytest.mark.parametrize(
    ("looks", "said"), [(0, "the proxies have not taken the routing"), (1, "the proxies do not answer")]
)
def test_while_no_proxy_answers_an_emergency_is_taken_and_switches_once_one_does(
    looks: int, said: str
) -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    simulation.router.silent = True
    simulation.tick(looks)
    outcome = simulation.emergency()
    assert said in outcome.message
    assert not outcome.switched
    simulation.tick(3)
    simulation.router.silent = False
    simulation.tick(2)
    assert (simulation.phase, simulation.weights()) == (Phase.SUCCEEDED, {"v1": 2})


def test_what_is_kept_warm_no_more_but_still_drains_takes_users_back_at_once() -> None:
    simulation = Simulation(policy(2, keep_warm_seconds=60.0)).shipped("v1", "v2")
    simulation.router.busy = {i.id for i in simulation.instances("v1")}
    simulation.tick(1, seconds=61.0)
    assert len(simulation.instances("v1", Intent.DRAIN)) == 2
    assert simulation.emergency().switched
    assert simulation.weights() == {"v1": 2}
    simulation.settle()
    assert simulation.running() == {"v1": 2}


# -- by ready capacity


def test_one_of_ten_does_not_get_all_users() -> None:
    simulation = Simulation(policy(10, keep_warm=0)).shipped("v1", "v2")
    ready = simulation.workloads.ready
    fit: set[str] = set()
    simulation.router.ready = lambda name: ready(name) and (not is_v1(simulation, name) or name in fit)
    simulation.emergency()
    seen = []
    while simulation.deployment.phase is not Phase.SUCCEEDED:
        simulation.tick()
        weights = simulation.weights()
        assert sum(weights.values()) >= 9, weights
        seen.append(weights.get("v1", 0))
        fit |= {i.id for i in simulation.instances("v1")[: len(fit) + 1]}
    assert seen == sorted(seen)
    assert set(range(2, 9)) <= set(seen), "users follow one by one, until as many as promised are ready"
    assert set(simulation.weights()) == {"v1"}


def is_v1(simulation: Simulation, name: str) -> bool:
    return simulation.workloads.processes[name].version.label == "v1"


def test_the_first_takes_all_where_the_bad_version_answers_nobody() -> None:
    simulation = Simulation(policy(10, keep_warm=0)).shipped("v1", "v2")
    ready = simulation.workloads.ready

    def first_of_v1(name: str) -> bool:
        return ready(name) and name in {i.id for i in simulation.instances("v1")[:1]}

    simulation.router.ready = first_of_v1
    simulation.emergency()
    simulation.until(lambda: simulation.weights() == {"v1": 1}, within=10)
    assert simulation.instances("v2", Intent.SERVE) == []


def test_what_was_ready_in_part_is_said_so() -> None:
    simulation = Simulation(policy(4, Pace(0, 1), keep_warm=1)).shipped("v1", "v2")
    sick = {i.id for i in simulation.instances("v1")[:3]}
    ready = simulation.workloads.ready
    simulation.router.ready = lambda name: name not in sick and ready(name)
    outcome = simulation.emergency()
    standing = outcome.services["backend"]
    assert standing.standing is Standing.FOLLOWING
    assert standing.words.startswith(
        "NOT switched in part: users follow as more get ready, 1 of 4 instances of v1 ready"
    )
    assert simulation.weights() == {"v1": 1, "v2": 3}
    simulation.settle()
    assert simulation.weights() == {"v1": 4}


def test_a_canary_without_users_gets_none_by_an_emergency_that_is_not_ready_yet() -> None:
    strategy = Strategy(StrategyKind.CANARY, (CanaryStep(StepKind.SCALE, 100), CanaryStep(StepKind.PAUSE)))
    simulation = Simulation(policy(2, keep_warm=0)).shipped("v1", "v2")
    simulation.use(replace(simulation.engine.policy, strategy=strategy))
    simulation.release("v3")
    simulation.deploy("v3")
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.workloads.behaviours["v1"] = Behaviour(ready_after=6)
    simulation.emergency()
    while simulation.deployment.phase is not Phase.SUCCEEDED:
        simulation.tick()
        assert "v3" not in simulation.weights()
    assert simulation.weights() == {"v1": 2}


@pytest.mark.parametrize("percent", [10, 60])
@pytest.mark.parametrize("ready", [1, 2, 3])
def test_no_user_is_given_to_a_canary_by_an_emergency_where_stable_is_not_whole(
    ready: int, percent: int
) -> None:
    steps = (
        CanaryStep(StepKind.SCALE, 100),
        CanaryStep(StepKind.WEIGHT, percent),
        CanaryStep(StepKind.PAUSE),
    )
    strategy = Strategy(StrategyKind.CANARY, steps)
    simulation = Simulation(replace(policy(4), strategy=strategy)).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    for instance in simulation.instances("v1")[ready:]:
        simulation.workloads.processes[instance.id].age = -20
    simulation.emergency()
    while simulation.deployment.phase is not Phase.SUCCEEDED:
        weights = simulation.weights()
        assert weights.get("v2", 0) * 100 <= percent * sum(weights.values()), weights
        assert weights["v1"]
        simulation.tick()
    assert set(simulation.weights()) == {"v1"}


@pytest.mark.parametrize("ready", [0, 2])
def test_what_is_left_and_has_no_users_yet_gets_none_while_an_emergency_is_under_way(ready: int) -> None:
    """v1 lacks readiness, and v2 is on its way, to mend that: *ready* of its instances are there."""
    simulation = Simulation(policy(4, Pace(2, 4))).shipped("v1")
    fit: set[str] = set()
    simulation.router.ready = lambda name: simulation.workloads.ready(name) and name in fit
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.until(lambda: len(simulation.instances("v2")) == 4)
    fit |= {i.id for i in simulation.instances("v2")[:ready]}
    fit |= {i.id for i in simulation.instances("v1")[: ready // 2]}
    simulation.tick(2 if ready else 0)
    outcome = simulation.emergency()
    assert ("users stay on v1" in outcome.message) is not bool(ready)
    weights = simulation.weights()
    assert weights == ({"v1": 1, "v2": 2} if ready else {"v1": 1}), "nobody at v1 is ready there"
    fit |= {i.id for i in simulation.instances("v2")}
    for _ in range(5):
        simulation.tick()
        assert simulation.weights() == weights
    fit |= {i.id for i in simulation.instances("v1")}
    simulation.tick()
    assert set(simulation.weights()) == {"v1"}
