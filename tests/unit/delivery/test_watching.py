"""What fails late: watched for as long as the version before is warm, and undone once by itself."""

from dataclasses import replace

import pytest

from carelane.delivery.deployments import Kind, Phase
from carelane.delivery.incidents import Cause
from carelane.delivery.policies import Pace, Policy
from carelane.delivery.replicas.fleet import Intent
from carelane.delivery.strategies import DEFAULTS, StrategyKind
from tests.fakes.instances import CRASH_LOOPING, NEVER_READY, Behaviour
from tests.fakes.releases import WEB, WORKER
from tests.fakes.simulation import PRODUCTION, Simulation, policy
from tests.unit.delivery.test_undoing_again import HELD

TWO = {"backend": WEB, "frontend": WEB}


def by(kind: StrategyKind) -> Policy:
    return replace(policy(2), strategy=DEFAULTS[kind])


@pytest.mark.parametrize("kind", [StrategyKind.ROLLING, StrategyKind.BLUE_GREEN])
@pytest.mark.parametrize("fault", [CRASH_LOOPING, NEVER_READY])
def test_what_fails_after_its_success_is_undone_once_by_itself(kind: StrategyKind, fault: Behaviour) -> None:
    """cases.md A, moby PR 42875: ready for a while, then not."""
    simulation = Simulation(by(kind)).shipped("v1", "v2")
    simulation.workloads.behaviours["v2"] = fault
    simulation.until(lambda: simulation.deployment.kind is Kind.ROLLBACK, 20)
    simulation.settle()
    assert (simulation.phase, simulation.weights()) == (Phase.SUCCEEDED, {"v1": 2})
    assert simulation.deployment.author == "carelane"
    assert simulation.deployment.reason.startswith("late: backend: ")
    assert simulation.history[1].undone_by == 3
    incident = simulation.incidents[0]
    assert incident.cause in {Cause.CRASH_LOOP, Cause.READINESS}
    assert (incident.deployment, incident.version, incident.resolved_by) == (2, "v2", 3)
    assert incident.recovery_seconds is not None
    assert incident.recovery_seconds > 0


@pytest.mark.parametrize("sizes", [(4,), (1, None)])
def test_a_size_for_today_is_no_reason_to_watch_less(sizes: tuple[int | None, ...]) -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    for size in sizes:
        simulation.operations.scale(PRODUCTION, "backend", size, "alice", "")
        simulation.settle()
    simulation.workloads.behaviours["v2"] = CRASH_LOOPING
    simulation.until(lambda: simulation.deployment.kind is Kind.ROLLBACK, 40)
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED, 60)
    assert set(simulation.weights()) == {"v1"}


def test_a_version_before_with_fewer_copies_than_today_s_policy_is_a_way_back_all_the_same() -> None:
    simulation = Simulation(policy(1)).shipped("v1", "v2")
    simulation.use(policy(4))
    simulation.settle()
    simulation.workloads.behaviours["v2"] = CRASH_LOOPING
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED and simulation.deployment.id == 3, 60)
    assert set(simulation.weights()) == {"v1"}
    assert simulation.incidents[0].cause is Cause.CRASH_LOOP


@pytest.mark.parametrize("by_whom", ["a person", "the policy"])
@pytest.mark.parametrize("fault", [Behaviour(ready_after=50), Behaviour(ready_after=50, crashes_until=50)])
def test_what_is_added_and_does_not_come_up_says_nothing_of_a_version_that_is_well(
    by_whom: str, fault: Behaviour
) -> None:
    settings = policy(2, progress_deadline_seconds=20.0)
    simulation = Simulation(settings).shipped("v1", "v2")
    simulation.tick(60)
    simulation.workloads.behaviours["v2"] = fault
    if by_whom == "a person":
        simulation.operations.scale(PRODUCTION, "backend", 5, "alice", "a busy day")
    else:
        simulation.use(replace(settings, replicas={"backend": 5}))
    simulation.tick(45)
    assert simulation.weights() == {"v2": 2}
    assert simulation.deployment.id == 2
    assert not simulation.incidents


def test_a_crash_loop_takes_later_releases_with_it_that_left_the_service_as_it_was() -> None:
    simulation = Simulation(policy({"backend": 2, "frontend": 2}), TWO).shipped("v1")
    for name, changes in (("v2", "backend"), ("v3", "frontend"), ("v4", "frontend")):
        simulation.release(name, changes=(changes,))
        simulation.deploy(name)
        simulation.settle()
    simulation.workloads.behaviours["backend", "v2"] = CRASH_LOOPING
    simulation.until(lambda: simulation.deployment.kind is Kind.ROLLBACK, 40)
    simulation.settle()
    assert simulation.weights("backend") == {"v1": 2}
    assert simulation.weights("frontend") == {"v1": 2}
    assert simulation.deployment.release == "v1"


def test_what_fails_while_another_service_is_on_its_way_is_an_incident_and_undone_once_that_has_ended() -> (
    None
):
    wanted = policy({"backend": 2, "frontend": 2}, keep_warm_seconds=30.0)
    simulation = Simulation(wanted, TWO).shipped("v1", "v2")
    simulation.release("v3", NEVER_READY, changes=("frontend",))
    simulation.deploy("v3")
    simulation.tick(2)
    simulation.workloads.behaviours["backend", "v2"] = NEVER_READY
    simulation.tick(40)
    assert simulation.deployment.id == 3, "a person's deployment is not taken back for it"
    (incident,) = simulation.incidents
    assert (incident.cause, incident.deployment, incident.service) == (Cause.READINESS, 2, "backend")
    assert "deployment 3 is under way" in incident.words
    simulation.abort()
    simulation.settle()
    simulation.until(lambda: simulation.state.deployment is None and simulation.deployment.id > 3, 40)
    assert simulation.weights("backend") == {"v1": 2}, "it was kept warm for that, beyond its time"
    assert simulation.incidents[0].resolved_by == 4


def test_what_users_have_is_watched_beside_a_canary_that_takes_nothing_from_it() -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    simulation.use(replace(simulation.engine.policy, strategy=HELD))
    simulation.release("v3")
    simulation.deploy("v3")
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.workloads.behaviours["v2"] = CRASH_LOOPING
    simulation.tick(10)
    (incident,) = simulation.incidents
    assert (incident.deployment, incident.version) == (2, "v2")


def test_what_starts_more_slowly_with_the_machine_than_what_was_before_it_is_no_failure() -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    simulation.restart_server()
    simulation.workloads.behaviours["v2"] = NEVER_READY
    simulation.tick(20)
    assert simulation.deployment.id == 2
    simulation.workloads.behaviours["v2"] = Behaviour()
    simulation.tick(3)
    simulation.workloads.behaviours["v2"] = NEVER_READY
    simulation.until(lambda: simulation.weights() == {"v1": 2}, 20)


def test_what_is_never_ready_after_a_restart_is_undone_at_the_deadline() -> None:
    simulation = Simulation(policy(2, progress_deadline_seconds=20.0)).shipped("v1", "v2")
    simulation.restart_server()
    simulation.workloads.behaviours["v2"] = NEVER_READY
    simulation.until(lambda: simulation.weights() == {"v1": 2}, 40)


def test_an_incident_about_what_lacked_copies_is_over_once_it_has_them_all() -> None:
    simulation = Simulation(policy({"backend": 2, "frontend": 2}), TWO).shipped("v1", "v2")
    simulation.release("v3", Behaviour(ready_after=30), changes=("frontend",))
    simulation.deploy("v3")
    simulation.tick(2)
    simulation.workloads.behaviours["backend", "v2"] = NEVER_READY
    simulation.tick(6)
    assert [i.resolved_at for i in simulation.incidents] == [None]
    simulation.workloads.behaviours["backend", "v2"] = Behaviour()
    simulation.tick(3)
    (incident,) = simulation.incidents
    assert incident.resolved_at is not None
    assert incident.resolved_by is None
    assert simulation.deployment.id == 3


def test_a_version_that_is_being_replaced_is_not_held_to_lack_what_leaves() -> None:
    simulation = Simulation(policy(3, Pace(1, 0))).shipped("v1", "v2")
    simulation.release("v3", Behaviour(ready_after=8))
    simulation.deploy("v3")
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    assert not simulation.incidents


def test_a_return_that_fails_itself_is_not_tried_again() -> None:
    simulation = Simulation(policy(1, progress_deadline_seconds=20.0)).shipped("v1", "v2")
    simulation.workloads.behaviours["v2"] = CRASH_LOOPING
    simulation.until(lambda: simulation.deployment.kind is Kind.ROLLBACK, 20)
    simulation.workloads.behaviours["v1"] = CRASH_LOOPING
    simulation.until(lambda: simulation.deployment.ended, 100)
    asked = simulation.acts().count("deployment.requested")
    simulation.tick(100)
    assert simulation.acts().count("deployment.requested") == asked == 3


def test_where_nothing_is_undone_by_itself_it_is_told_once() -> None:
    simulation = Simulation(policy(2, automatic=False)).shipped("v1", "v2")
    simulation.workloads.behaviours["v2"] = CRASH_LOOPING
    simulation.tick(50)
    assert simulation.weights() == {"v2": 1}, "the stable version keeps its share, whoever answers"
    (told,) = simulation.entries("deployment.suspected")
    assert told.subject == "2"
    assert "crash loop" in told.reason
    assert told.reason.endswith("not undone by itself: automatic rollback is off")


def test_an_irreversible_release_that_fails_late_is_told_and_not_undone() -> None:
    simulation = Simulation(policy(1)).shipped("v1")
    simulation.release("v2", irreversible=True)
    simulation.deploy("v2")
    simulation.settle()
    simulation.workloads.behaviours["v2"] = CRASH_LOOPING
    simulation.tick(30)
    (told,) = simulation.entries("deployment.suspected")
    assert "not undone by itself: v2 is irreversible" in told.reason
    assert simulation.deployment.id == 2


def test_what_took_the_version_before_with_it_is_no_reason_to_go_back_to_that() -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    simulation.workloads.behaviours |= {"v1": CRASH_LOOPING, "v2": CRASH_LOOPING}
    simulation.tick(50)
    assert simulation.deployment.id == 2


def test_the_watch_ends_with_the_version_that_it_could_go_back_to() -> None:
    simulation = Simulation(policy(2, keep_warm_seconds=3600.0)).shipped("v1", "v2")
    simulation.tick(1, seconds=3601.0)
    simulation.settle()
    assert simulation.state.service("backend").watch is None
    simulation.workloads.behaviours["v2"] = CRASH_LOOPING
    simulation.tick(50)
    assert simulation.deployment.id == 2


def test_a_worker_that_crash_loops_late_takes_its_deployment_back() -> None:
    services = {"backend": WEB, "reminders": WORKER}
    simulation = Simulation(policy({"backend": 1, "reminders": 1}), services).shipped("v1", "v2")
    simulation.workloads.behaviours["reminders", "v2"] = CRASH_LOOPING
    simulation.until(lambda: simulation.deployment.kind is Kind.ROLLBACK, 20)
    simulation.settle()
    assert simulation.running("reminders") == {"v1": 1}
    assert simulation.weights("backend") == {"v1": 1}


def test_a_person_s_deployment_is_never_superseded_by_the_watch() -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    simulation.release("v3", Behaviour(ready_after=20))
    simulation.deploy("v3")
    simulation.workloads.behaviours["v2"] = CRASH_LOOPING
    simulation.settle()
    assert simulation.acts().count("deployment.requested") == 3
    assert simulation.weights() == {"v3": 2}


# -- a minimum time ready


@pytest.mark.parametrize("kind", [StrategyKind.ROLLING, StrategyKind.BLUE_GREEN])
def test_what_ends_after_three_seconds_each_time_is_not_called_done(kind: StrategyKind) -> None:
    """cases.md A, moby PR 42875: each life is ready at once and too short, and stable stays."""
    simulation = Simulation(replace(by(kind), pace=Pace(min_ready_seconds=5.0))).shipped("v1")
    simulation.release("v2", Behaviour(lives_for=3))
    simulation.deploy("v2")
    simulation.until(lambda: simulation.deployment.ended, 100)
    assert simulation.phase is Phase.FAILED
    assert "crash loop" in simulation.deployment.message
    assert simulation.weights() == {"v1": 2}


def test_a_worker_that_ends_after_three_seconds_each_time_is_not_called_done() -> None:
    settings = replace(policy({"reminders": 1}), pace=Pace(min_ready_seconds=5.0))
    simulation = Simulation(settings, {"reminders": WORKER}).shipped("v1")
    simulation.release("v2", Behaviour(lives_for=3))
    simulation.deploy("v2")
    simulation.until(lambda: simulation.deployment.ended, 100)
    assert simulation.phase is Phase.FAILED
    simulation.settle()
    assert simulation.running("reminders") == {"v1": 1}


def test_what_is_gone_back_to_is_not_asked_for_how_long_it_is_ready() -> None:
    simulation = Simulation(replace(policy(2), pace=Pace(min_ready_seconds=60.0))).shipped("v1", "v2")
    simulation.restart_server()
    simulation.tick()
    simulation.rollback()
    simulation.tick(3)
    assert simulation.weights() == {"v1": 2}
    assert simulation.instances("v2", Intent.SERVE) == []


# -- suspicion


def suspected(strategy: StrategyKind = StrategyKind.ROLLING) -> Simulation:
    """v2 has succeeded, and its users get more errors than before."""
    simulation = Simulation(by(strategy)).shipped("v1", "v2")
    simulation.metrics.requests_per_second = 100.0
    simulation.suspicions["backend"] = "5 % of 400 requests failed, 0.1 % before"
    return simulation


def test_on_suspicion_the_version_before_gets_half_of_the_users_and_all_where_it_is_better() -> None:
    simulation = suspected()
    simulation.metrics.error_ratios = {"v2": 0.05}
    simulation.until(lambda: simulation.weights() == {"v1": 5000, "v2": 5000}, 10)
    assert simulation.state.release == "v2"
    simulation.suspicions.clear()
    simulation.until(lambda: simulation.deployment.ended, 60)
    assert (simulation.phase, simulation.weights()) == (Phase.SUCCEEDED, {"v1": 2})
    (confirmed,) = simulation.entries("analysis.confirmed")
    assert "requests to v2 failed" in confirmed.reason
    simulation.settle()
    assert simulation.incidents[0].cause is Cause.SUSPECTED
    assert simulation.incidents[0].resolved_by == 3


@pytest.mark.parametrize("ratio", [0.05, 0.0])
def test_an_incident_that_hits_both_undoes_nothing_and_the_version_before_is_warm_again(
    ratio: float,
) -> None:
    simulation = suspected()
    simulation.metrics.error_ratios = {"v1": ratio, "v2": ratio}
    simulation.until(lambda: simulation.deployment.compares, 10)
    simulation.suspicions.clear()
    simulation.until(lambda: simulation.deployment.ended, 400)
    assert simulation.phase is Phase.CANCELLED
    assert "unconfirmed" in simulation.deployment.message
    simulation.settle()
    assert simulation.weights() == {"v2": 2}
    assert len(simulation.instances("v1", Intent.WARM)) == 2
    assert simulation.incidents == []


def test_a_suspicion_is_looked_into_three_times_at_most() -> None:
    simulation = suspected()
    for _ in range(1500):
        simulation.tick()
    assert simulation.acts().count("deployment.requested") == 2 + 3


def test_an_emergency_while_a_suspicion_is_looked_into_leaves_the_suspected_version() -> None:
    simulation = suspected()
    simulation.until(lambda: simulation.weights() == {"v1": 5000, "v2": 5000}, 10)
    simulation.emergency()
    assert simulation.weights() == {"v1": 2}
    simulation.settle()
    assert simulation.state.release == "v1"


def test_a_rollback_while_a_suspicion_is_looked_into_waits_for_no_verdict() -> None:
    simulation = suspected()
    simulation.until(lambda: simulation.deployment.compares, 10)
    simulation.rollback()
    simulation.settle()
    assert simulation.weights() == {"v1": 2}


def test_a_rollback_under_way_is_what_an_emergency_hurries() -> None:
    """Never back to what is being left."""
    simulation = Simulation(policy(2, keep_warm=0)).shipped("v1", "v2")
    simulation.workloads.behaviours["v1"] = Behaviour(ready_after=6)
    simulation.rollback()
    simulation.tick(2)
    simulation.emergency()
    simulation.settle()
    assert (simulation.state.release, simulation.weights()) == ("v1", {"v1": 2})
