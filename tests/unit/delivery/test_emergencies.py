"""Nothing stops an emergency rollback, and nothing false is called done."""

from dataclasses import replace

import pytest

from carelane.base.errors import ConflictError, DiskFull, NotFoundError, RefusedError, Unavailable
from carelane.delivery.decisions.emergencies import Standing
from carelane.delivery.deployments import Kind, Phase
from carelane.delivery.environments import Intent
from carelane.delivery.policies import Pace
from carelane.delivery.strategies import DEFAULTS, CanaryStep, StepKind, Strategy, StrategyKind
from tests.fakes.releases import MIGRATING, WEB, WORKER
from tests.fakes.simulation import Simulation, policy
from tests.fakes.workloads import CRASH_LOOPING, NEVER_READY, Behaviour

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
    simulation.emergency()
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


# -- nothing takes its place


def cold_emergency() -> Simulation:
    """v1 is being started; users are with v2 still."""
    simulation = Simulation(policy(2, keep_warm=0)).shipped("v1", "v2")
    simulation.workloads.behaviours["v1"] = Behaviour(ready_after=8)
    simulation.emergency()
    return simulation


@pytest.mark.parametrize("strategy", [None, "canary"])
def test_no_deployment_supersedes_an_unfinished_emergency(strategy: str | None) -> None:
    simulation = cold_emergency()
    simulation.release("v3")
    before = simulation.snapshot
    with pytest.raises(ConflictError, match="nothing but another emergency takes its place"):
        simulation.operations.deploy("production", "v3", "token pipeline", "", strategy=strategy)
    with pytest.raises(ConflictError, match="nothing but another emergency takes its place"):
        simulation.rollback()
    assert simulation.snapshot == before
    simulation.settle()
    assert simulation.weights() == {"v1": 2}
    simulation.deploy("v3")
    simulation.settle()
    assert simulation.weights() == {"v3": 2}


def test_the_same_emergency_asked_again_is_the_same_one() -> None:
    simulation = cold_emergency()
    again = simulation.emergency()
    assert again.deployment is not None
    assert again.deployment.id == 3
    assert len(simulation.repository.deployments(None, 10)) == 3


def test_another_emergency_goes_further_back_where_the_first_cannot_get_there() -> None:
    simulation = Simulation(policy(1, keep_warm=0, progress_deadline_seconds=20.0)).shipped("v1", "v2", "v3")
    simulation.workloads.behaviours["v2"] = CRASH_LOOPING
    simulation.emergency()
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    assert "crash loop" in simulation.deployment.message
    simulation.emergency()
    simulation.settle()
    assert (simulation.phase, simulation.weights()) == (Phase.SUCCEEDED, {"v1": 1})


def test_aborting_an_emergency_that_left_nothing_keeps_users_where_they_are() -> None:
    simulation = cold_emergency()
    simulation.tick(2)
    simulation.abort("v1 is older than the data")
    assert simulation.phase is Phase.FAILED
    simulation.settle()
    assert simulation.weights() == {"v2": 2}
    assert simulation.running() == {"v2": 2}
    assert simulation.state.release == "v2"
    simulation.release("v3")
    simulation.deploy("v3")
    simulation.settle()
    assert simulation.weights() == {"v3": 2}


def test_aborting_an_emergency_never_leads_to_what_was_left() -> None:
    services = {"backend": WEB, "frontend": WEB}
    settings = policy({"backend": 1, "frontend": 1})
    simulation = Simulation(settings, services).shipped("v1", "v2")
    sick = {i.id for i in simulation.instances("v1", service="frontend")}
    ready = simulation.workloads.ready
    simulation.router.ready = lambda name: name not in sick and ready(name)
    simulation.workloads.behaviours["frontend", "v1"] = Behaviour(ready_after=10)
    simulation.emergency()
    assert (simulation.weights("backend"), simulation.weights("frontend")) == ({"v1": 1}, {"v2": 1})
    simulation.abort("enough")
    assert simulation.phase is Phase.FAILED
    for _ in range(20):
        simulation.tick()
        assert simulation.weights("backend") == {"v1": 1}
    assert simulation.weights("frontend") == {"v1": 1}
    assert simulation.state.release == "v1"
    with pytest.raises(NotFoundError):
        simulation.emergency()


def test_an_emergency_is_not_given_up_while_nobody_can_say_what_was_left() -> None:
    simulation = cold_emergency()
    simulation.router.silent = True
    simulation.tick()
    with pytest.raises(Unavailable):
        simulation.abort()


# -- irreversible


def test_a_rollback_out_of_a_held_irreversible_canary_is_refused_or_asked_for_by_name() -> None:
    """cases.md A, flagger#1186."""
    simulation = held_canary(irreversible=True)
    with pytest.raises(RefusedError, match="v2, which is under way, is irreversible") as caught:
        simulation.rollback()
    assert "--past v2" in caught.value.hint
    assert simulation.phase is Phase.PAUSED
    simulation.operations.rollback("production", None, "alice", "we know", past="v2")
    simulation.settle()
    assert simulation.weights() == {"v1": 2}


def test_an_irreversible_release_is_gone_past_by_its_name() -> None:
    simulation = Simulation(policy(1)).shipped("v1")
    simulation.release("v2", irreversible=True)
    simulation.deploy("v2")
    simulation.settle()
    with pytest.raises(RefusedError, match="v2 is irreversible"):
        simulation.operations.emergency_rollback("production", "alice", "try", past="v1")
    simulation.operations.emergency_rollback("production", "alice", "we know", past="v2")
    simulation.settle()
    assert simulation.weights() == {"v1": 1}


# -- it tells the truth


def test_a_worker_is_replaced_while_users_are_switched_and_each_is_said_for_itself() -> None:
    simulation = Simulation(policy({"backend": 2, "reminders": 1}), BOTH).shipped("v1", "v2")
    outcome = simulation.emergency()
    said = {name: s.standing for name, s in outcome.services.items()}
    assert said == {"backend": Standing.SWITCHED, "reminders": Standing.REPLACING}
    assert outcome.switched
    assert simulation.weights() == {"v1": 2}
    assert outcome.deployment is not None
    assert outcome.deployment.phase is Phase.PROGRESSING, "a worker of the bad version ran still"
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    assert simulation.running("reminders") == {"v1": 1}


def test_what_was_switched_is_verified_though_a_worker_is_still_replaced() -> None:
    services = {"backend": replace(WEB, health_path="/health"), "reminders": WORKER}
    simulation = Simulation(policy({"backend": 1, "reminders": 1}), services).shipped("v1", "v2")
    simulation.router.answers = {"/health": (200, b"")}
    outcome = simulation.emergency()
    assert outcome.services["backend"].verified is True
    assert outcome.services["reminders"].verified is None
    assert outcome.verified is True


def test_a_lost_archive_refuses_no_emergency_to_what_is_warm_and_is_said_of_what_is_cold() -> None:
    services = {"backend": WEB, "frontend": WEB}
    simulation = Simulation(policy({"backend": 1, "frontend": 1}), services).shipped("v1", "v2")
    release = simulation.repository.release("v1")
    simulation.artifacts.lost |= {v.artifact.archive for v in release.versions.values()}
    cold = simulation.instances("v1", service="frontend")[0].id
    ready = simulation.workloads.ready
    simulation.router.ready = lambda name: name != cold and ready(name)
    outcome = simulation.emergency()
    assert outcome.services["backend"].words.startswith("switched to v1")
    assert "is missing" in outcome.services["frontend"].words
    assert simulation.weights("backend") == {"v1": 1}


def test_a_service_that_only_the_bad_release_has_ends_with_it() -> None:
    simulation = Simulation(policy({"backend": 1, "reminders": 1}), {"backend": WEB}).shipped("v1")
    simulation.release("v2", services=BOTH, changes=("reminders",))
    simulation.deploy("v2")
    simulation.settle()
    assert simulation.running("reminders") == {"v2": 1}
    simulation.emergency()
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    assert simulation.running("reminders") == {}


def test_the_default_canary_is_left_at_any_of_its_steps() -> None:
    simulation = Simulation(replace(policy(4), strategy=DEFAULTS[StrategyKind.CANARY])).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    for _ in range(12):
        simulation.tick()
        simulation.promote(full=False) if simulation.phase is Phase.PAUSED else None
    simulation.emergency()
    assert set(simulation.weights()) == {"v1"}


def test_where_users_are_with_stable_and_nothing_is_before_it_what_is_under_way_ends_and_that_is_said() -> (
    None
):
    simulation = Simulation(policy(2)).shipped("v1")
    simulation.release("v2", NEVER_READY)
    simulation.deploy("v2")
    simulation.tick(3)
    outcome = simulation.emergency()
    assert outcome.services["backend"].words.startswith("users stay on v1: nobody had v2, which ends")
    simulation.settle()
    assert simulation.running() == {"v1": 2}


# -- on a full disk


def full(simulation: Simulation, *, needs: int) -> None:
    """From now on nothing can be recorded until *needs* parts of the room kept back are given up."""
    commit, reserve = simulation.repository.commit, simulation.repository.reserve_deployment
    route = simulation.router.route

    def checked(write: object) -> object:
        def checking(*given: object) -> object:
            if simulation.room.parts > 4 - needs:
                raise DiskFull("carelane.db cannot be written")
            return write(*given)  # type: ignore[operator]  # one of the three below

        return checking

    simulation.repository.commit = checked(commit)  # type: ignore[assignment,method-assign]
    simulation.repository.reserve_deployment = checked(reserve)  # type: ignore[assignment,method-assign]
    simulation.router.route = checked(route)  # type: ignore[assignment,method-assign]


def test_on_a_full_disk_an_emergency_takes_the_room_that_is_kept_back_for_it() -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    full(simulation, needs=2)
    assert simulation.emergency().switched
    assert (simulation.phase, simulation.weights()) == (Phase.SUCCEEDED, {"v1": 2})
    assert simulation.room.parts == 2


def test_on_a_full_disk_nothing_else_takes_that_room() -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    full(simulation, needs=1)
    with pytest.raises(DiskFull):
        simulation.rollback()
    assert simulation.room.parts == 4


def test_a_deployment_asked_for_in_the_very_moment_does_not_refuse_an_emergency() -> None:
    """A pipeline that deploys in a loop would keep a person from ever getting through."""
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    simulation.release("v3")
    once = simulation.repository.reserve_deployment

    def meanwhile() -> int:
        simulation.repository.reserve_deployment = once  # type: ignore[method-assign]
        simulation.deploy("v3")
        simulation.until(lambda: "v3" in simulation.weights())
        return once()

    simulation.repository.reserve_deployment = meanwhile  # type: ignore[method-assign]
    simulation.emergency()
    assert set(simulation.weights()) == {"v2"}, "the version on its way had users by then"
