"""What somebody found who tried for an hour to keep an emergency from working."""

from dataclasses import replace

import pytest

from carelane.base.errors import ConflictError, RefusedError
from carelane.delivery import history
from carelane.delivery.deployments import Kind, Phase
from carelane.delivery.incidents import Cause
from carelane.delivery.policies import Pace
from carelane.delivery.requesting import Wanted
from tests.fakes.instances import CRASH_LOOPING, NEVER_READY, Behaviour
from tests.fakes.releases import MIGRATING, WEB, WORKER
from tests.fakes.simulation import PRODUCTION, Simulation, policy
from tests.unit.delivery.test_undoing_again import HELD


def fixing() -> Simulation:
    """v2 is irreversible, has migrated, and is held."""
    simulation = Simulation(policy(1, progress_deadline_seconds=20.0), {"backend": MIGRATING}).shipped("v1")
    simulation.release("v2", CRASH_LOOPING, irreversible=True)
    simulation.deploy("v2")
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 40)
    return simulation


def between(simulation: Simulation, *names: str, times: int) -> None:
    """A pipeline deploys these in turn, so many times each."""
    for _ in range(times):
        for name in names:
            simulation.operations.deploy(PRODUCTION, name, "token ci", "", Wanted(by_token=True))
            simulation.until(lambda: simulation.state.deployment is None)


def test_the_way_back_is_found_however_often_a_pipeline_went_to_and_fro_since() -> None:
    simulation = Simulation(policy(1, Pace(1, 0))).shipped("v1", "v2")
    simulation.release("v2b", changes=())
    between(simulation, "v2b", "v2", times=12)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "LOOKED_BACK", (2, 5, 1_000))
        simulation.emergency()
    simulation.settle()
    assert simulation.weights() == {"v1": 1}


def test_a_pipeline_never_brings_back_what_was_left_however_often_it_deployed_since() -> None:
    simulation = Simulation(policy(1)).shipped("v1", "v2", "v3")
    simulation.emergency()
    simulation.settle()
    between(simulation, "v1", "v2", times=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(history, "LOOKED_BACK", (2, 4, 1_000))
        with pytest.raises(ConflictError, match="v3 was left by alice's emergency rollback 4"):
            between(simulation, "v3", times=1)


def test_who_asks_after_somebody_went_back_goes_no_further_though_a_pipeline_has_begun_something() -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2", "v3")
    simulation.emergency()
    simulation.settle()
    simulation.release("v4", NEVER_READY)
    simulation.deploy("v4")
    simulation.tick(2)
    with pytest.raises(ConflictError, match="production is on v2 since"):
        simulation.emergency()
    assert set(simulation.weights()) == {"v2"}


def test_what_did_not_have_to_be_switched_and_is_down_is_told_with_the_way_out() -> None:
    services = {"api": WEB, "web": replace(WEB, routes=("/web",), health_path="/web/health")}
    simulation = Simulation(policy({"api": 1, "web": 1}), services).shipped("v1")
    for name, changes in (("v2", ("api", "web")), ("v3", ("api",))):
        simulation.release(name, changes=changes)
        simulation.deploy(name)
        simulation.settle()
    simulation.router.answers |= {"/web/health": (503, b"")}
    outcome = simulation.emergency()
    assert (outcome.switched, outcome.verified) == (True, False)
    assert set(outcome.services) == {"api", "web"}
    said = "web: v2 as before (ask again with --past v2 to leave it too), NOT verified: /web/health"
    assert said in outcome.message
    simulation.settle()
    again = simulation.operations.emergency_standing(outcome.deployment.id if outcome.deployment else 0)
    assert again.verified is False
    simulation.router.answers |= {"/web/health": (200, b""), "web v1 /web/health": (200, b"")}
    outcome = simulation.emergency(past=("v2",))
    assert outcome.verified is not False
    assert simulation.weights("web") == {"v1": 1}


def test_what_is_unchanged_and_has_nobody_ready_is_told_though_nothing_can_be_asked_of_it() -> None:
    simulation = with_pages_down()
    outcome = simulation.emergency()
    assert (outcome.switched, outcome.verified) == (True, False)
    assert "pages: v1 as before" in outcome.message
    assert "NOT verified: crash loop: pages-2 ended" in outcome.message


@pytest.mark.parametrize("way", ["rollback", "emergency"])
def test_the_data_that_an_irreversible_release_has_changed_stays_changed_when_a_fix_takes_its_place(
    way: str,
) -> None:
    simulation = fixing().shipped("v3")
    with pytest.raises(RefusedError, match="v2 is irreversible"):
        getattr(simulation, way)()
    simulation.workloads.behaviours["v3"] = CRASH_LOOPING
    simulation.tick(30)
    assert simulation.weights() != {"v1": 1}, "nor by itself"
    getattr(simulation, way)(past=("v2",))
    simulation.settle()
    assert simulation.weights() == {"v1": 1}


def test_the_data_that_has_changed_is_not_forgotten_while_the_fix_is_under_way() -> None:
    simulation = fixing()
    with pytest.raises(RefusedError, match="v2 is irreversible and has changed the data"):
        simulation.deploy("v1")
    simulation.release("v3", NEVER_READY)
    simulation.deploy("v3")
    with pytest.raises(RefusedError, match="v2 is irreversible and has changed the data"):
        simulation.rollback()
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 60)
    assert "v2 is irreversible and has changed the data" in simulation.deployment.message
    simulation.rollback(past=("v2",))
    simulation.settle()
    assert simulation.weights() == {"v1": 1}


def test_what_is_gone_back_to_and_is_not_well_is_an_incident_until_something_else_is_there() -> None:
    asked = replace(WEB, health_path="/health")
    simulation = Simulation(policy(1, keep_warm=2), {"backend": asked}).shipped("v1", "v2", "v3")
    simulation.router.answers = {"/health": (500, b"")}
    assert simulation.emergency().verified is False
    simulation.settle()
    (still,) = [i for i in simulation.incidents if i.resolved_at is None]
    assert (still.cause, still.deployment, still.version) == (Cause.VERIFY, 2, "v2")
    simulation.router.answers = {"/health": (200, b""), "backend v1 /health": (200, b"")}
    assert simulation.emergency(past=("v2",)).verified is True
    simulation.settle()
    assert all(i.resolved_at is not None for i in simulation.incidents)


def test_the_data_that_users_get_now_is_told_with_what_was_done() -> None:
    simulation = fixing()
    assert simulation.emergency().warning == "v2 is irreversible and has changed the data, which v1 gets now"


def test_what_is_tried_again_after_it_had_changed_the_data_is_held_and_named_again() -> None:
    simulation = fixing()
    simulation.abort("later")
    simulation.settle()
    simulation.deploy("v2")
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 60)
    assert "v2 is irreversible and has changed the data" in simulation.deployment.message
    with pytest.raises(RefusedError, match="v2 is irreversible and has changed the data"):
        simulation.rollback()


def test_what_another_service_has_migrated_long_ago_is_no_data_that_this_release_has_changed() -> None:
    services = {"backend": MIGRATING, "pages": replace(WEB, routes=("/pages",))}
    simulation = Simulation(policy(1), services).shipped("v1")
    simulation.release("v2", CRASH_LOOPING, changes=("pages",), irreversible=True)
    simulation.deploy("v2")
    simulation.until(lambda: simulation.deployment.ended, 60)
    assert simulation.phase is Phase.FAILED, "it turns back by itself: it has no migration"


def test_a_worker_that_crashes_in_the_version_gone_back_to_is_not_back() -> None:
    services = {"backend": WEB, "reminders": WORKER}
    simulation = Simulation(policy({"backend": 1, "reminders": 1}), services).shipped("v1", "v2")
    simulation.workloads.behaviours["reminders", "v1"] = Behaviour(lives_for=3)
    simulation.emergency()
    simulation.tick(30)
    assert simulation.phase is Phase.PAUSED
    assert "reminders: crash loop" in simulation.deployment.message
    assert simulation.weights() == {"v1": 1}, "users are back at once all the same"


def test_of_two_irreversible_releases_one_in_the_place_of_the_other_both_are_named() -> None:
    simulation = fixing()
    simulation.release("v3", CRASH_LOOPING, irreversible=True)
    simulation.deploy("v3")
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 60)
    with pytest.raises(RefusedError, match="v2 and v3 are irreversible and have changed the data") as caught:
        simulation.rollback()
    assert "--past v2 --past v3" in caught.value.hint
    simulation.shipped("v4")
    with pytest.raises(RefusedError, match="v2 and v3 are irreversible"):
        simulation.emergency()
    simulation.emergency(past=("v2", "v3"))
    simulation.settle()
    assert simulation.weights() == {"v1": 1}


def test_who_went_past_what_had_changed_the_data_is_not_asked_for_it_again() -> None:
    simulation = fixing()
    simulation.release("v3", NEVER_READY)
    simulation.deploy("v3")
    simulation.tick(2)
    simulation.abort("v1 reads it well enough")
    simulation.settle()
    simulation.shipped("v4")
    simulation.workloads.behaviours["v4"] = CRASH_LOOPING
    simulation.until(lambda: simulation.weights() == {"v1": 1}, 40)
    assert simulation.deployment.author == "carelane", "nobody had to ask"


def test_an_old_version_by_another_name_is_no_way_round_an_irreversible_release() -> None:
    simulation = Simulation(policy(1)).shipped("v1")
    simulation.release("v2", irreversible=True)
    simulation.deploy("v2")
    simulation.settle()
    simulation._contents["backend"] = "v1"
    simulation.release("again", changes=())
    with pytest.raises(RefusedError, match="v2 is irreversible, and again has versions from before"):
        simulation.deploy("again")
    simulation.shipped("v3")
    assert simulation.weights() == {"v3": 1}, "a fix goes through"


def test_a_release_that_has_just_what_is_left_by_name_is_not_gone_to_either() -> None:
    simulation = Simulation(policy(1)).shipped("v0", "v1")
    simulation.release("v1b", changes=())
    simulation.deploy("v1b")
    simulation.settle()
    simulation.shipped("v2")
    simulation.emergency(past=("v1b",))
    simulation.settle()
    assert simulation.weights() == {"v0": 1}


def test_an_emergency_after_another_is_about_what_brought_the_version_first() -> None:
    simulation = Simulation(policy(1, keep_warm=2)).shipped("v1", "v2", "v3")
    simulation.emergency()
    simulation.settle()
    simulation.emergency(past=("v2",))
    simulation.settle()
    found = [(i.deployment, i.version) for i in simulation.incidents]
    assert found == [(2, "v2"), (3, "v3")], "newest first"


def test_what_is_named_as_left_is_not_gone_to_from_a_canary_either() -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    simulation.use(replace(simulation.engine.policy, strategy=HELD))
    simulation.release("v3")
    simulation.deploy("v3")
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    outcome = simulation.emergency(past=("v2",))
    assert (outcome.switched, set(simulation.weights())) == (True, {"v1"})
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED


def test_who_is_told_to_go_further_back_can() -> None:
    simulation = with_pages_down()
    assert "--past" not in simulation.emergency().message, "there is nothing before v1"


def test_an_emergency_that_hurries_a_rollback_is_about_what_both_leave() -> None:
    simulation = Simulation(policy(3, Pace(0, 1), keep_warm=0)).shipped("v1", "v2")
    simulation.rollback()
    simulation.until(lambda: "v1" in simulation.weights(), 10)
    simulation.emergency()
    assert [(i.deployment, i.version) for i in simulation.incidents] == [(2, "v2")]


def with_pages_down() -> Simulation:
    """v2 changes the backend alone, and the pages beside it, still of v1, crash-loop."""
    simulation = Simulation(policy(1), {"backend": WEB, "pages": replace(WEB, routes=("/pages",))})
    simulation.shipped("v1")
    simulation.release("v2", changes=("backend",))
    simulation.deploy("v2")
    simulation.settle()
    simulation.workloads.behaviours["pages", "v1"] = CRASH_LOOPING
    simulation.tick(2)
    return simulation


def three(behaviour: Behaviour = NEVER_READY) -> Simulation:
    """v3 is bad, v2 beside it has nobody ready, and v1 is warm and ready."""
    simulation = Simulation(policy(1, keep_warm=2)).shipped("v1", "v2", "v3")
    simulation.workloads.behaviours["v2"] = behaviour
    simulation.tick(3)
    return simulation


def test_who_is_ready_further_back_is_told_and_gone_to_by_name_while_another_is_started() -> None:
    simulation = three()
    first = simulation.emergency()
    assert (first.switched, simulation.deployment.release) == (False, "v2")
    assert "v1 is ready: --past v2 goes on to before v2" in first.message
    second = simulation.emergency(past=("v2",))
    assert (second.switched, simulation.weights()) == (True, {"v1": 1})


@pytest.mark.parametrize("way", ["rollback", "emergency"])
def test_what_is_named_as_left_is_not_gone_to(way: str) -> None:
    simulation = three()
    getattr(simulation, way)(past=("v2",))
    simulation.settle()
    assert simulation.weights() == {"v1": 1}


def test_what_fails_late_goes_to_whoever_is_ready_of_those_that_are_warm() -> None:
    simulation = three()
    simulation.workloads.behaviours["v3"] = CRASH_LOOPING
    simulation.until(lambda: simulation.weights() == {"v1": 1}, 40)
    assert simulation.deployment.kind is Kind.ROLLBACK


def test_what_is_said_of_a_stuck_emergency_is_what_keeps_it_now() -> None:
    simulation = Simulation(policy(2, keep_warm=0, progress_deadline_seconds=20.0)).shipped("v1", "v2")
    simulation.workloads.behaviours["v1"] = NEVER_READY
    simulation.emergency()
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 60)
    assert "0 of 2 instances of v1 ready" in simulation.deployment.message
    simulation.workloads.behaviours["v1"] = CRASH_LOOPING
    simulation.tick(20)
    assert "crash loop" in simulation.deployment.message
    assert len(simulation.entries("deployment.paused")) == 1, "told once"


def test_crashes_from_before_an_emergency_do_not_call_it_stuck() -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    simulation.workloads.behaviours["v1"] = CRASH_LOOPING
    simulation.tick(30)
    simulation.workloads.behaviours["v1"] = Behaviour()
    simulation.emergency()
    while not simulation.deployment.ended:
        simulation.tick()
        assert simulation.phase is not Phase.PAUSED, simulation.deployment.message
    assert simulation.weights() == {"v1": 2}


def test_what_was_ended_is_not_shown_as_it_was() -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    simulation.engine.end()
    assert simulation.engine.ended
    assert not simulation.engine.shown.visible
    assert dict(simulation.engine.shown.copies) == {}
    with pytest.raises(ConflictError, match="production was ended: nobody looks after it"):
        simulation.operations.rollback_plan(PRODUCTION, Kind.EMERGENCY)


@pytest.mark.parametrize(("keep_warm", "said"), [(0, True), (1, False)])
def test_a_plan_says_of_what_would_have_to_be_started_that_its_archive_is_gone(
    keep_warm: int, said: bool
) -> None:
    simulation = Simulation(policy(1, keep_warm=keep_warm)).shipped("v1", "v2")
    assert "missing" not in simulation.operations.rollback_plan(PRODUCTION, Kind.EMERGENCY).message
    simulation.artifacts.lost.add(
        simulation.repository.release_named("v1").versions["backend"].artifact.archive
    )
    planned = simulation.operations.rollback_plan(PRODUCTION, Kind.EMERGENCY)
    assert ("backend v1: the archive" in planned.message) is said
