"""Incidents: opened and resolved with the decision that does it, about the deployment that brought them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from carelane.delivery.deployments import FailureKind, Kind, Phase
from carelane.delivery.incidents import Cause, Incident
from carelane.delivery.policies import Pace
from carelane.delivery.strategies import CanaryStep, StepKind, Strategy, StrategyKind
from tests.fakes.instances import HANGING, NEVER_READY, Behaviour
from tests.fakes.releases import MADE_AT, WEB, WORKER
from tests.fakes.simulation import Simulation, policy
from tests.unit.delivery.test_undoing_again import HELD


def only(simulation: Simulation) -> Incident:
    """The one incident there is."""
    assert len(simulation.incidents) == 1
    return simulation.incidents[0]


def failing(*, automatic: bool = True) -> Simulation:
    """v2 gets users and then hangs."""
    simulation = Simulation(policy(2, automatic=automatic)).shipped("v1")
    simulation.release("v2", HANGING)
    simulation.deploy("v2")
    return simulation


# -- emergencies


def test_an_emergency_rollback_opens_one_about_what_it_leaves_and_resolves_it_when_done() -> None:
    simulation = Simulation().shipped("v1", "v2")
    simulation.emergency("patients cannot sign in")
    incident = only(simulation)
    assert (incident.cause, incident.environment, incident.number) == (Cause.EMERGENCY, "production", 1)
    assert (incident.deployment, incident.service, incident.version) == (2, "backend", "v2")
    assert incident.words == "emergency rollback to v1: patients cannot sign in"
    assert incident.resolved_at is not None
    assert incident.resolved_by == 3
    opened, resolved = simulation.entries("incident.opened"), simulation.entries("incident.resolved")
    assert [(e.actor, e.subject, e.details["deployment"]) for e in opened] == [("alice", "1", 2)]
    assert [(e.subject, e.reason) for e in resolved] == [("1", "deployment 3 of v1 succeeded")]


def test_an_emergency_is_about_what_brought_what_it_leaves_and_not_about_what_changed_nothing_since() -> None:
    simulation = Simulation().shipped("v1", "v2")
    simulation.release("documentation", changes=())
    simulation.deploy("documentation")
    simulation.settle()
    simulation.emergency()
    assert (only(simulation).deployment, only(simulation).version) == (2, "v2")


def test_an_emergency_that_only_takes_a_service_out_ends_its_incident() -> None:
    simulation = Simulation(policy({"backend": 1, "extra": 1}), {"backend": WEB}).shipped("v1")
    extra = replace(WEB, routes=("/extra",))
    simulation.release("v2", services={"backend": WEB, "extra": extra}, changes=("extra",))
    simulation.deploy("v2")
    simulation.settle()
    simulation.emergency()
    simulation.settle()
    assert only(simulation).resolved_at is not None


def test_the_incident_of_what_was_new_beside_others_and_is_gone_is_over() -> None:
    simulation = Simulation(policy({"backend": 1, "extra": 1, "slow": 1}), {"backend": WEB}).shipped("v1")
    new = {name: replace(WEB, routes=(f"/{name}",)) for name in ("extra", "slow")}
    simulation.release("v2", services={"backend": WEB, **new}, changes=("extra", "slow"))
    simulation.workloads.behaviours |= {("extra", "v2"): HANGING, ("slow", "v2"): NEVER_READY}
    simulation.deploy("v2")
    simulation.until(lambda: simulation.deployment.ended, 60)
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert only(simulation).resolved_at is not None


def test_an_emergency_ends_no_incident_of_what_it_leaves_as_it_is() -> None:
    settings = policy({"backend": 1, "reminders": 1}, automatic=False)
    simulation = Simulation(settings, {"backend": WEB, "reminders": WORKER}).shipped("v1", "v2")
    simulation.use(replace(settings, strategy=HELD))
    simulation.release("v3", changes=("backend",))
    simulation.deploy("v3")
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.workloads.behaviours["reminders", "v2"] = Behaviour(crashes=True)
    simulation.tick(10)
    assert only(simulation).service == "reminders"
    simulation.emergency()
    simulation.settle()
    (worker,) = [i for i in simulation.incidents if i.service == "reminders"]
    assert worker.resolved_at is None


def test_what_was_noticed_and_resolved_at_once_took_nobody_knows_how_long() -> None:
    simulation = Simulation().shipped("v1", "v2")
    simulation.emergency()
    incident = only(simulation)
    assert incident.opened_at == incident.resolved_at
    assert incident.recovery_seconds is None
    assert simulation.entries("incident.resolved")[0].details["recovery_seconds"] is None


def test_an_emergency_that_waits_for_somebody_to_be_ready_is_open_until_then() -> None:
    simulation = Simulation(policy(1, keep_warm=0)).shipped("v1", "v2")
    simulation.emergency()
    assert only(simulation).resolved_at is None
    assert only(simulation).recovery_seconds is None
    assert list(simulation.snapshot.incidents) == [only(simulation)]
    simulation.restart_server()
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    incident = only(simulation)
    assert incident.recovery_seconds is not None
    assert incident.recovery_seconds >= 1.0
    assert not simulation.snapshot.incidents


def test_an_emergency_out_of_a_deployment_is_about_that_one_since_its_first_users() -> None:
    simulation = Simulation(policy(6, Pace(0, 1))).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.until(lambda: "v2" in simulation.weights())
    since = simulation.clock.now()
    simulation.tick(2)
    simulation.emergency()
    simulation.settle()
    incident = only(simulation)
    assert (incident.deployment, incident.version) == (2, "v2")
    assert incident.users_since == since
    assert incident.recovery_seconds is not None
    assert incident.recovery_seconds >= 2.0


def test_an_emergency_of_several_services_is_one_incident_of_none_of_them_alone() -> None:
    services = {"backend": WEB, "reminders": WORKER}
    simulation = Simulation(policy({"backend": 1, "reminders": 1}), services).shipped("v1", "v2")
    simulation.emergency()
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    assert (only(simulation).service, only(simulation).version) == (None, None)
    assert only(simulation).resolved_by == 3


def test_an_emergency_that_is_given_up_after_its_switch_ends_its_incident_once_nobody_has_what_it_left() -> (
    None
):
    services = {"web": WEB, "worker": WORKER}
    simulation = Simulation(policy({"web": 1, "worker": 1}), services).shipped("v1", "v2")
    simulation.emergency()
    assert simulation.weights("web") == {"v1": 1}
    simulation.abort("the worker takes long")
    assert simulation.phase is Phase.FAILED
    simulation.until(lambda: simulation.incidents[0].resolved_at is not None, 60)
    (incident,) = simulation.incidents
    assert (incident.service, incident.versions) == (None, {"web": "v2", "worker": "v2"})
    assert "nobody gets v2 any more" in [found.entry.reason for found in simulation.trail.after(0)]


def test_what_did_not_answer_rightly_when_it_was_gone_back_to_is_asked_again_until_it_does() -> None:
    asked = replace(WEB, health_path="/health")
    simulation = Simulation(policy(2), {"backend": asked}).shipped("v1", "v2")
    simulation.router.answers = {"/health": (503, b""), "backend v1 /health": (503, b"")}
    simulation.emergency()
    simulation.settle()
    simulation.tick(5)
    assert [(i.cause, i.resolved_at is None) for i in simulation.incidents] == [
        (Cause.VERIFY, True),
        (Cause.EMERGENCY, False),
    ]
    simulation.router.answers = {"/health": (200, b"")}
    simulation.tick(2)
    assert simulation.incidents[0].resolved_at is not None
    asked_so_far = len(simulation.router.asked)
    simulation.tick(5)
    assert len(simulation.router.asked) == asked_so_far, "then nobody asks any more"


def test_what_comes_while_an_emergency_verifies_is_not_taken_for_what_it_went_to() -> None:
    """Users have left it by then: whoever answers is another version, and no incident of this one."""
    asked = replace(WEB, version_path="/version")
    simulation = Simulation(policy(1, keep_warm=2), {"backend": asked}).shipped("v1", "v2", "v3")
    simulation.router.answers = {"/version": (200, b"v1"), "backend v1 /version": (200, b"v1")}
    answer = simulation.router.ask

    def go_further(path: str, timeout_seconds: float) -> tuple[int, bytes]:
        simulation.router.ask = answer  # type: ignore[method-assign]
        simulation.emergency(past=("v2",))
        return answer(path, timeout_seconds)

    simulation.router.ask = go_further  # type: ignore[method-assign]
    outcome = simulation.emergency()
    assert (outcome.deployment.id if outcome.deployment else 0, outcome.verified) == (4, None)
    assert "NOT verified: deployment 5 of v1 was asked for since" in outcome.message
    assert Cause.VERIFY not in {incident.cause for incident in simulation.incidents}


def test_an_emergency_that_was_aborted_leaves_it_open_until_a_deployment_mends_it() -> None:
    simulation = Simulation(policy(1, keep_warm=0)).shipped("v1", "v2")
    simulation.workloads.behaviours["v1"] = NEVER_READY
    simulation.emergency()
    simulation.tick(3)
    simulation.abort()
    simulation.settle()
    assert only(simulation).resolved_at is None
    simulation.release("v3")
    simulation.deploy("v3")
    simulation.settle()
    assert only(simulation).resolved_by == simulation.deployment.id


# -- deployments that fail by themselves


def test_a_deployment_that_fails_after_it_had_users_opens_one_and_resolves_it() -> None:
    simulation = failing()
    simulation.until(lambda: "v2" in simulation.weights())
    since = simulation.clock.now()
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    incident = only(simulation)
    assert incident.cause is Cause.LIVENESS
    assert (incident.deployment, incident.service, incident.version) == (2, "backend", "v2")
    assert incident.words == simulation.deployment.message
    assert (incident.users_since, incident.resolved_by) == (since, None)
    assert incident.recovery_seconds is not None
    assert incident.recovery_seconds > 0
    assert simulation.acts().count("incident.opened") == simulation.acts().count("incident.resolved") == 1


def test_a_deployment_that_fails_before_anybody_had_it_is_no_incident() -> None:
    simulation = Simulation(policy(2, progress_deadline_seconds=20.0)).shipped("v1")
    simulation.release("v2", NEVER_READY)
    simulation.deploy("v2")
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert simulation.incidents == []


def test_a_preview_has_no_users() -> None:
    steps = (CanaryStep(StepKind.SCALE, 100), CanaryStep(StepKind.PAUSE), CanaryStep(StepKind.WEIGHT, 100))
    simulation = Simulation(replace(policy(2), strategy=Strategy(StrategyKind.BLUE_GREEN, steps))).shipped(
        "v1"
    )
    simulation.release("v2", Behaviour(hangs_after=8))
    simulation.deploy("v2")
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert "liveness" in simulation.deployment.message
    assert simulation.incidents == []


def test_what_goes_well_or_is_undone_by_a_person_is_no_incident() -> None:
    simulation = Simulation(policy(3)).shipped("v1", "v2")
    simulation.rollback()
    simulation.settle()
    simulation.release("v3")
    simulation.deploy("v3")
    simulation.until(lambda: "v3" in simulation.weights())
    simulation.abort()
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert simulation.incidents == []


def test_one_that_a_person_is_asked_about_is_open_until_users_are_off_it() -> None:
    simulation = failing(automatic=False)
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.restart_server()
    simulation.tick(5)
    assert only(simulation).resolved_at is None
    simulation.abort()
    simulation.settle()
    assert only(simulation).resolved_at is not None
    assert simulation.acts().count("incident.opened") == 1


def test_one_whose_deployment_is_superseded_is_over_once_users_are_off_it() -> None:
    simulation = failing(automatic=False)
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.release("v3", Behaviour(ready_after=20))
    simulation.deploy("v3")
    simulation.until(lambda: "v2" not in simulation.weights())
    simulation.tick()
    assert only(simulation).resolved_at is not None
    assert simulation.phase is Phase.PROGRESSING


def first_versions_that_fail() -> Simulation:
    """The backend has users and hangs while another service is still coming up; nothing was there before."""
    services = {"backend": WEB, "search": WEB}
    simulation = Simulation(policy({"backend": 1, "search": 1}), services)
    simulation.workloads.behaviours = {("backend", "v1"): HANGING, ("search", "v1"): NEVER_READY}
    simulation.release("v1")
    simulation.deploy("v1")
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    return simulation


def test_where_there_is_nothing_to_go_back_to_it_is_open_until_a_deployment_mends_it() -> None:
    simulation = first_versions_that_fail()
    simulation.tick(5)
    assert only(simulation).resolved_at is None
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.settle()
    assert only(simulation).resolved_by == 2


def test_a_release_without_the_service_resolves_what_it_had() -> None:
    simulation = first_versions_that_fail()
    simulation.release("v2", services={"search": WEB})
    simulation.deploy("v2")
    simulation.settle()
    assert only(simulation).resolved_by == 2


def test_the_success_of_another_service_does_not_resolve_what_a_service_has() -> None:
    services = {"backend": WEB, "search": WEB}
    simulation = Simulation(policy({"backend": 1, "search": 1}, keep_warm=0), services).shipped("v1")
    simulation.release("v2", changes=("backend",))
    simulation.deploy("v2")
    simulation.settle()
    simulation.workloads.behaviours["backend", "v1"] = NEVER_READY
    simulation.emergency()
    simulation.tick(3)
    simulation.abort()
    simulation.settle()
    assert only(simulation).service == "backend"
    for changed, resolved in ((("search",), False), (("backend",), True)):
        simulation.release(f"after-{changed[0]}", changes=changed)
        simulation.deploy(f"after-{changed[0]}")
        simulation.settle()
        assert simulation.phase is Phase.SUCCEEDED
        assert (only(simulation).resolved_at is not None) is resolved


@pytest.mark.parametrize("kind", FailureKind)
def test_every_kind_of_failure_is_a_cause(kind: str) -> None:
    assert Cause.of_failure(kind) is not Cause.OTHER


def test_a_failure_of_a_kind_that_nobody_thought_of_stops_nothing() -> None:
    assert Cause.of_failure("weather") is Cause.OTHER


def test_how_long_it_took_is_unknown_rather_than_zero() -> None:
    incident = Incident("production", 1, Cause.ANALYSIS, "worse", MADE_AT)
    minute = MADE_AT + timedelta(minutes=1)
    assert incident.recovery_seconds is None
    assert replace(incident, resolved_at=MADE_AT).recovery_seconds is None
    assert replace(incident, resolved_at=minute).recovery_seconds == 60.0
    late = replace(incident, opened_at=minute, resolved_at=minute, users_since=MADE_AT)
    assert late.recovery_seconds == 60.0


def test_the_deployment_of_the_present_revision_is_recorded_and_a_mere_return_is_none() -> None:
    simulation = Simulation(policy(3)).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.tick(2)
    simulation.rollback()
    simulation.settle()
    assert simulation.deployment.kind is Kind.ROLLBACK
    assert simulation.state.shipped_by == 1
