"""What is asked of an environment, and what is refused."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from carelane.base.errors import (
    ConflictError,
    InputError,
    NotFoundError,
    PlatformError,
    RefusedError,
)
from carelane.delivery.deployments import Kind, Phase
from tests.fakes.instances import NEVER_READY, Behaviour
from tests.fakes.releases import WEB, digest
from tests.fakes.simulation import Simulation, policy


def test_deploying_what_is_there_does_nothing() -> None:
    simulation = Simulation().shipped("v1")
    before = simulation.snapshot
    outcome = simulation.deploy("v1")
    assert outcome.deployment is None
    assert outcome.message == "production has v1 already: nothing to do"
    assert simulation.snapshot == before


def test_an_unknown_environment_or_release_is_not_found() -> None:
    simulation = Simulation()
    with pytest.raises(NotFoundError, match="no environment 'prod'") as caught:
        simulation.operations.deploy("prod", "v1", "alice", "")
    assert caught.value.hint == "there are: production"
    with pytest.raises(NotFoundError, match="no release 'v9'"):
        simulation.deploy("v9")


def test_a_release_whose_archive_is_lost_is_refused_before_anything_moves() -> None:
    simulation = Simulation().shipped("v1")
    lost = simulation.release("v2").versions["backend"].artifact
    simulation.artifacts.lost.add(lost.archive)
    with pytest.raises(PlatformError, match="is missing"):
        simulation.deploy("v2")
    assert simulation.deployment.release == "v1"


# -- where a rollback goes


def test_a_rollback_goes_to_the_revision_before() -> None:
    simulation = Simulation().shipped("v1", "v2", "v3")
    simulation.rollback()
    simulation.settle()
    assert simulation.state.release == "v2"
    assert (simulation.deployment.kind, simulation.deployment.to_revision) == (Kind.ROLLBACK, 2)
    assert simulation.history[0].number == 4


def test_a_second_rollback_does_not_return_to_what_the_first_one_undid() -> None:
    simulation = Simulation(policy(1)).shipped("v1", "v2", "v3")
    simulation.rollback()
    simulation.settle()
    simulation.rollback(past=("v2",))
    simulation.settle()
    assert simulation.state.release == "v1"


def test_an_undone_revision_says_which_rollback_undid_it() -> None:
    simulation = Simulation(policy(1)).shipped("v1", "v2", "v3")
    simulation.rollback(to_revision=1)
    simulation.settle()
    undone = {r.number: r.undone_by for r in simulation.history}
    assert undone == {1: None, 2: 4, 3: 4, 4: None}


def test_a_named_revision_may_be_one_that_was_undone() -> None:
    simulation = Simulation(policy(1)).shipped("v1", "v2")
    simulation.rollback()
    simulation.settle()
    simulation.rollback(to_revision=2)
    simulation.settle()
    assert simulation.state.release == "v2"


def test_after_a_fix_a_rollback_skips_the_release_that_was_undone() -> None:
    simulation = Simulation(policy(1)).shipped("v1", "v2")
    simulation.rollback()
    simulation.settle()
    simulation.release("v3")
    simulation.deploy("v3")
    simulation.settle()
    simulation.rollback()
    simulation.settle()
    assert simulation.state.release == "v1"


def test_a_rollback_past_an_irreversible_release_is_refused_with_the_way_out() -> None:
    simulation = Simulation().shipped("v1")
    simulation.release("v2", irreversible=True)
    simulation.deploy("v2")
    simulation.settle()
    with pytest.raises(RefusedError, match="v2 is irreversible") as caught:
        simulation.rollback()
    assert "fix forward" in caught.value.hint
    with pytest.raises(RefusedError):
        simulation.emergency()


def test_a_rollback_to_an_irreversible_release_is_fine() -> None:
    simulation = Simulation().shipped("v1")
    simulation.release("v2", irreversible=True)
    simulation.deploy("v2")
    simulation.settle()
    simulation.release("v3")
    simulation.deploy("v3")
    simulation.settle()
    simulation.rollback()
    simulation.settle()
    assert simulation.state.release == "v2"


@pytest.mark.parametrize("reason", ["", "  ", "\n"])
def test_a_rollback_without_a_reason_is_refused(reason: str) -> None:
    simulation = Simulation().shipped("v1", "v2")
    with pytest.raises(InputError, match="a rollback needs a reason"):
        simulation.rollback(reason=reason)
    with pytest.raises(InputError, match="a rollback needs a reason"):
        simulation.emergency(reason)
    assert simulation.state.release == "v2"


def test_where_there_is_nothing_to_go_back_to_it_says_so() -> None:
    simulation = Simulation()
    with pytest.raises(NotFoundError, match="production has no history yet"):
        simulation.rollback()
    simulation.shipped("v1")
    with pytest.raises(NotFoundError, match="no earlier revision to go back to"):
        simulation.rollback()


def test_a_revision_that_is_not_kept_is_not_found_and_the_one_that_is_there_conflicts() -> None:
    simulation = Simulation(policy(1)).shipped("v1", "v2")
    with pytest.raises(NotFoundError, match="has no revision 9") as caught:
        simulation.rollback(to_revision=9)
    assert caught.value.hint == "kept are 1 to 2"
    with pytest.raises(ConflictError, match="has v2 \\(revision 2\\) already"):
        simulation.rollback(to_revision=2)


def test_a_rollback_returns_a_service_that_the_bad_release_had_dropped() -> None:
    services = {"backend": WEB, "frontend": WEB}
    simulation = Simulation(policy({"backend": 1, "frontend": 1}), services).shipped("v1")
    simulation.release("v2", services={"backend": WEB})
    simulation.deploy("v2")
    simulation.settle()
    simulation.rollback()
    simulation.settle()
    assert simulation.weights("frontend") == {"v1": 1}


# -- retry, and what an emergency tells


def test_a_retry_deploys_the_release_that_failed() -> None:
    simulation = Simulation(policy(1, progress_deadline_seconds=20.0)).shipped("v1")
    simulation.release("v2", NEVER_READY)
    simulation.deploy("v2")
    simulation.settle()
    simulation.workloads.behaviours["v2"] = Behaviour()
    outcome = simulation.operations.retry("production", "bob")
    assert outcome.deployment is not None
    assert (outcome.deployment.author, outcome.deployment.reason) == ("bob", "retry of deployment 2")
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED


def test_a_retried_rollback_is_still_a_rollback() -> None:
    """Else the revision it leaves is not undone, and the next rollback returns to it."""
    simulation = Simulation(policy(1, keep_warm=0, progress_deadline_seconds=20.0)).shipped("v1", "v2")
    simulation.workloads.behaviours["v1"] = NEVER_READY
    simulation.rollback()
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    simulation.workloads.behaviours["v1"] = Behaviour()
    again = simulation.operations.retry("production", "alice").deployment
    assert again is not None
    assert (again.kind, again.to_revision) == (Kind.ROLLBACK, 1)


def test_what_did_not_fail_is_not_retried() -> None:
    simulation = Simulation()
    with pytest.raises(ConflictError, match="nothing was deployed yet"):
        simulation.operations.retry("production", "alice")
    simulation.shipped("v1")
    with pytest.raises(ConflictError, match="the last deployment is Succeeded"):
        simulation.operations.retry("production", "alice")


def test_an_emergency_is_timed_part_by_part_and_verified_through_the_front_door() -> None:
    checked = replace(WEB, health_path="/health", version_path="/version")
    simulation = Simulation(policy(1), {"backend": checked}).shipped("v1", "v2")
    simulation.router.answers = {"/health": (200, b"ok"), "/version": (200, b'{"version": "v1"}')}
    simulation.router.answers |= {
        f"backend v1 {path}": answer for path, answer in simulation.router.answers.items()
    }
    outcome = simulation.emergency()
    assert outcome.message == "backend: switched to v1, verified: /health, /version"
    assert (outcome.switched, outcome.verified) == (True, True)
    assert outcome.deployment is not None
    assert set(outcome.deployment.timings_ms) == {"check", "switch", "verify"}
    assert outcome.deployment.message == outcome.message


@pytest.mark.parametrize(
    ("answers", "said"),
    [
        ({}, "NOT verified: /version: nobody answers"),
        ({"/version": (503, b"")}, "NOT verified: /version answered 503"),
        ({"/version": (200, b"v2")}, "NOT verified: /version does not name v1"),
        ({"/version": (200, b'{"version": "v10"}')}, "NOT verified: /version does not name v1"),
    ],
)
def test_an_emergency_that_cannot_be_verified_says_why(
    answers: dict[str, tuple[int, bytes]], said: str
) -> None:
    checked = replace(WEB, version_path="/version")
    simulation = Simulation(policy(1), {"backend": checked}).shipped("v1", "v2")
    simulation.router.answers = answers
    outcome = simulation.emergency()
    assert outcome.message == f"backend: switched to v1, {said}"
    assert (outcome.switched, outcome.verified) == (True, False)


def test_where_nothing_can_be_asked_nothing_is_claimed() -> None:
    simulation = Simulation(policy(1)).shipped("v1", "v2")
    assert simulation.emergency().verified is None


def test_an_emergency_beside_a_routing_that_the_proxies_reject_says_that_not_all_of_it_is_in_force() -> None:
    """What they took of it is for users already: it says nothing of that."""
    simulation = Simulation(policy(1)).shipped("v1", "v2")
    simulation.router.answers = {"/health": (200, b""), "/version": (200, b"v1")}
    simulation.router.rejects = lambda _: "proxy-1 rejected routes-@front.json: too odd"
    outcome = simulation.emergency()
    assert outcome.message.startswith("NOT in force as a whole: proxy-1 rejected routes-@front.json: too odd")
    assert (outcome.switched, outcome.verified) == (False, None)
    assert simulation.phase is Phase.PROGRESSING, "what is not in force is not called done"
    simulation.router.rejects = lambda _: ""
    simulation.settle()
    assert simulation.history[0].release == "v1"


def test_an_emergency_that_has_not_switched_yet_does_not_say_that_it_has() -> None:
    simulation = Simulation(policy(1, keep_warm=0)).shipped("v1", "v2")
    outcome = simulation.emergency()
    assert simulation.weights() == {"v2": 1}
    assert not outcome.switched


# -- two who ask at once


def asked_by_both(
    simulation: Simulation, ask: Callable[[], object], other: Callable[[], object]
) -> list[Exception]:
    """*ask*, with *other* coming in after everything was looked up and before it is decided."""
    refused: list[Exception] = []
    once = simulation.repository.reserve_deployment

    def meanwhile() -> int:
        simulation.repository.reserve_deployment = once  # type: ignore[method-assign]
        other()
        return once()

    simulation.repository.reserve_deployment = meanwhile  # type: ignore[method-assign]
    try:
        ask()
    except ConflictError as error:
        refused.append(error)
    return refused


def test_two_equal_requests_at_once_are_one_deployment() -> None:
    simulation = Simulation().shipped("v1")
    simulation.release("v2")
    assert asked_by_both(simulation, lambda: simulation.deploy("v2"), lambda: simulation.deploy("v2")) == []
    assert [d.release for d in simulation.repository.deployments("production", 9)] == ["v2", "v1"]


def test_two_emergency_rollbacks_at_once_go_back_one_revision_only() -> None:
    simulation = Simulation().shipped("v1", "v2", "v3")
    refused = asked_by_both(simulation, simulation.emergency, simulation.emergency)
    assert ["by alice's emergency rollback" in str(error) for error in refused] == [True]
    assert simulation.state.release == "v2"


def test_naming_the_stable_revision_while_something_moves_goes_back_to_it() -> None:
    simulation = Simulation().shipped("v1")
    simulation.release("v2", NEVER_READY)
    simulation.deploy("v2")
    simulation.tick(2)
    simulation.rollback(to_revision=1)
    simulation.settle()
    assert (simulation.phase, simulation.state.release) == (Phase.SUCCEEDED, "v1")
    assert simulation.weights() == {"v1": 2}


def test_the_way_back_is_found_whatever_else_the_recorded_name_could_mean() -> None:
    """A name that an earlier server took, and that reads as the commit of the release after it."""
    asked = digest("v3")[:12]
    simulation = Simulation().shipped("v1", asked, "v3")
    with pytest.raises(InputError, match="of v3"):
        simulation.deploy(asked)
    simulation.emergency()
    simulation.settle()
    assert simulation.state.release == asked


def test_what_is_tried_again_is_the_recorded_release_whatever_else_its_name_could_mean() -> None:
    asked = digest("v3")[:12]
    simulation = Simulation().shipped("v1")
    simulation.release(asked)
    simulation.deploy(asked)
    simulation.tick()
    simulation.abort()
    simulation.settle()
    simulation.release("v3")
    simulation.operations.retry("production", "alice")
    simulation.settle()
    assert (simulation.state.release, simulation.phase) == (asked, Phase.SUCCEEDED)
