"""What may take an emergency's place, what it tells of itself, and what it does on a full disk."""

from dataclasses import replace

import pytest

from carelane.base.errors import ConflictError, DiskFull, NotFoundError, RefusedError, Unavailable
from carelane.delivery.decisions.emergencies import Standing
from carelane.delivery.deployments import Kind, Phase
from carelane.delivery.policies import Pace
from carelane.delivery.requesting import Wanted
from carelane.delivery.strategies import DEFAULTS, StrategyKind
from tests.fakes.instances import CRASH_LOOPING, NEVER_READY, Behaviour
from tests.fakes.releases import WEB, WORKER
from tests.fakes.simulation import Simulation, policy
from tests.unit.delivery.test_emergencies import BOTH, held_canary

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
        simulation.operations.deploy("production", "v3", "token pipeline", "", Wanted(strategy))
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
    simulation.tick(1, seconds=60.0)
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
    with pytest.raises(RefusedError, match="v2 is irreversible and has changed the data") as caught:
        simulation.rollback()
    assert "--past v2" in caught.value.hint
    assert simulation.phase is Phase.PAUSED
    simulation.operations.rollback("production", None, "alice", "we know", past=("v2",))
    simulation.settle()
    assert simulation.weights() == {"v1": 2}


def test_an_emergency_out_of_an_irreversible_canary_is_not_refused_and_says_what_that_means() -> None:
    simulation = held_canary(irreversible=True)
    said = "; v2 is irreversible and has changed the data, which v1 gets now"
    assert simulation.operations.rollback_plan("production", Kind.EMERGENCY).message.endswith(said)
    assert simulation.emergency().message.endswith(said)
    simulation.settle()
    assert simulation.weights() == {"v1": 2}


def test_an_irreversible_release_is_gone_past_by_its_name() -> None:
    simulation = Simulation(policy(1)).shipped("v1")
    simulation.release("v2", irreversible=True)
    simulation.deploy("v2")
    simulation.settle()
    with pytest.raises(RefusedError, match="v2 is irreversible"):
        simulation.operations.emergency_rollback("production", "alice", "try", past=("v0",))
    with pytest.raises(NotFoundError, match=r"that is not left by name \(v1\)"):
        simulation.operations.emergency_rollback("production", "alice", "try", past=("v1",))
    simulation.operations.emergency_rollback("production", "alice", "we know", past=("v2",))
    simulation.settle()
    assert simulation.weights() == {"v1": 1}


# -- it tells the truth


def test_a_worker_that_the_bad_release_had_taken_out_is_only_started() -> None:
    simulation = Simulation(policy({"backend": 2, "reminders": 1}), BOTH).shipped("v1")
    simulation.release("v2", services={"backend": WEB})
    simulation.deploy("v2")
    simulation.settle()
    outcome = simulation.emergency()
    assert outcome.services["reminders"].words == "v1 is started"


def test_who_has_nowhere_to_go_back_to_is_told_a_command_that_there_is() -> None:
    simulation = Simulation(policy(1)).shipped("v1")
    with pytest.raises(NotFoundError) as caught:
        simulation.emergency()
    assert caught.value.hint.endswith("`carelane rollback production --to-revision N` goes to one")


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
    simulation.router.answers = {"/health": (200, b""), "backend v1 /health": (200, b"")}
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


def test_a_fix_deployed_after_an_emergency_was_given_up_gives_nobody_back_to_what_was_left() -> None:
    simulation = Simulation(policy(4, Pace(0, 1), keep_warm=0)).shipped("v1", "v2")
    fit: set[str] = set()
    ready = simulation.workloads.ready
    simulation.router.ready = lambda name: (
        ready(name) and (name in fit or simulation.workloads.processes[name].version.label != "v1")
    )
    simulation.emergency()
    simulation.tick()
    fit.add(simulation.instances("v1")[0].id)
    simulation.until(lambda: simulation.weights() == {"v1": 1, "v2": 3}, 5)
    simulation.abort()
    simulation.release("v3", NEVER_READY)
    simulation.deploy("v3")
    for _ in range(10):
        weights = simulation.weights()
        assert weights.get("v2", 0) * 4 <= 3 * sum(weights.values()), weights
        simulation.tick()


def test_of_a_version_to_go_back_to_one_more_is_started_for_each_that_is_not_ready() -> None:
    simulation = Simulation(policy(3)).shipped("v1", "v2")
    sick = simulation.instances("v1")[0].id
    ready = simulation.workloads.ready
    simulation.router.ready = lambda name: name != sick and ready(name)
    simulation.tick()
    simulation.emergency()
    simulation.tick()
    assert len(simulation.instances("v1")) == 4
    simulation.settle()
    assert len(simulation.instances("v1")) == 3
