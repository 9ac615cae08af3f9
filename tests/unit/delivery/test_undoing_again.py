"""Undos that meet other undos: named, aborted, turned back, watched, and a person who knows better."""

from dataclasses import replace

import pytest

from carelane.base.errors import ConflictError, RefusedError
from carelane.delivery.deployments import Kind, Phase
from carelane.delivery.policies import Pace
from carelane.delivery.replicas.fleet import Intent
from carelane.delivery.strategies import DEFAULTS, CanaryStep, StepKind, Strategy, StrategyKind
from tests.fakes.instances import CRASH_LOOPING, NEVER_READY, Behaviour
from tests.fakes.releases import MIGRATING, WEB
from tests.fakes.simulation import Simulation, policy

HELD = Strategy(StrategyKind.CANARY, (CanaryStep(StepKind.WEIGHT, 50), CanaryStep(StepKind.PAUSE)))
TWO = {"backend": WEB, "frontend": WEB}


def compared() -> Simulation:
    """v2 is suspected, and v1 has half of the users again."""
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    simulation.metrics.requests_per_second = 100.0
    simulation.suspicions["backend"] = "worse"
    simulation.until(lambda: simulation.weights() == {"v1": 5000, "v2": 5000}, 10)
    return simulation


def held_v3(simulation: Simulation, *, irreversible: bool = False) -> Simulation:
    """v3's canary has half of the users and waits for a person."""
    simulation.use(replace(simulation.engine.policy, strategy=HELD))
    simulation.release("v3", irreversible=irreversible)
    simulation.deploy("v3")
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    return simulation


def test_a_suspicion_of_what_the_last_deployment_did_not_bring_takes_nothing_else_back() -> None:
    simulation = Simulation(policy({"backend": 2, "frontend": 2}), TWO).shipped("v1")
    for name, changes in (("v2", "backend"), ("v3", "frontend")):
        simulation.release(name, changes=(changes,))
        simulation.deploy(name)
        simulation.settle()
    simulation.suspicions["backend"] = "worse"
    simulation.tick(60)
    assert simulation.weights("frontend") == {"v3": 2}
    (told,) = simulation.entries("deployment.suspected")
    assert "v2, the revision before, has the same backend" in told.reason


def test_an_emergency_that_cannot_get_to_stable_is_asked_to_go_further() -> None:
    simulation = Simulation(policy(2, progress_deadline_seconds=20.0)).shipped("v1", "v2")
    held_v3(simulation)
    simulation.workloads.behaviours["v2"] = CRASH_LOOPING
    simulation.tick()
    simulation.emergency()
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.emergency()
    simulation.settle()
    assert simulation.weights() == {"v1": 2}


def test_who_aborts_a_comparison_is_not_asked_again() -> None:
    simulation = compared()
    simulation.abort("v1 corrupts the new data")
    simulation.tick(30)
    assert simulation.acts().count("deployment.requested") == 3
    assert simulation.weights() == {"v2": 2}


def test_a_comparison_that_a_person_holds_does_not_end_by_time() -> None:
    simulation = compared()
    simulation.suspicions.clear()
    simulation.pause()
    simulation.tick(310)
    assert simulation.phase is Phase.PAUSED


def test_a_comparison_whose_other_version_dies_ends_without_an_incident() -> None:
    simulation = compared()
    simulation.suspicions.clear()
    simulation.workloads.behaviours["v1"] = CRASH_LOOPING
    simulation.until(lambda: simulation.deployment.ended, 400)
    assert (simulation.phase, simulation.weights()) == (Phase.CANCELLED, {"v2": 2})
    assert simulation.incidents == []


@pytest.mark.parametrize("under_way", ["rollback", "comparison"])
def test_the_stable_revision_named_while_something_goes_back_stays(under_way: str) -> None:
    simulation = (
        compared() if under_way == "comparison" else Simulation(policy(2, keep_warm=0)).shipped("v1", "v2")
    )
    if under_way == "rollback":
        simulation.workloads.behaviours["v1"] = Behaviour(ready_after=8)
        simulation.rollback()
        simulation.tick(2)
    simulation.suspicions.clear()
    simulation.rollback(to_revision=2)
    simulation.settle(400)
    assert simulation.weights() == {"v2": 2}


def test_an_emergency_while_a_rollback_turns_back_does_not_go_where_that_leads() -> None:
    simulation = Simulation(policy(4, Pace(0, 1), keep_warm=0)).shipped("v1", "v2", "v3")
    simulation.rollback()
    simulation.until(lambda: simulation.weights().get("v2", 0) >= 2)
    simulation.workloads.processes[simulation.instances("v2")[0].id].restarts = 5
    simulation.tick()
    assert simulation.phase is Phase.ABORTING
    simulation.emergency()
    simulation.settle()
    assert "v3" not in simulation.weights()


@pytest.mark.parametrize("to", [None, 1, 2])
def test_a_held_irreversible_canary_is_left_by_name_whatever_revision_is_named(to: int | None) -> None:
    simulation = Simulation(policy(2), {"backend": MIGRATING}).shipped("v1", "v2")
    held_v3(simulation, irreversible=True)
    with pytest.raises(RefusedError, match="v3 is irreversible and has changed the data"):
        simulation.rollback(to)


def test_who_went_past_an_irreversible_release_by_name_is_not_asked_for_it_again() -> None:
    simulation = Simulation(policy(1)).shipped("v1")
    for name in ("v2", "v3"):
        simulation.release(name, irreversible=True)
        simulation.deploy(name)
        simulation.settle()
    for past in ("v3", "v2"):
        simulation.operations.emergency_rollback("production", "alice", "we know", past=(past,))
        simulation.settle()
    assert simulation.weights() == {"v1": 1}


@pytest.mark.parametrize("way", ["rollback", "emergency"])
def test_two_irreversible_releases_between_are_named_at_once_and_left_together(way: str) -> None:
    simulation = Simulation(policy(1)).shipped("v1")
    for name, changes in (("v2", ("backend",)), ("v3", ())):
        simulation.release(name, changes=changes, irreversible=True)
        simulation.deploy(name)
        simulation.settle()
    with pytest.raises(RefusedError, match="v2 and v3 are irreversible") as caught:
        getattr(simulation, way)()
    assert "--past v2 --past v3" in caught.value.hint
    with pytest.raises(RefusedError, match="v3 is irreversible") as caught:
        getattr(simulation, way)(past=("v2",))
    assert "--past v2 --past v3" in caught.value.hint, "it repeats what was named already"
    getattr(simulation, way)(past=("v2", "v3"))
    simulation.settle()
    assert simulation.weights() == {"v1": 1}


def test_who_goes_back_again_at_once_past_an_irreversible_release_names_both() -> None:
    simulation = Simulation(policy(1)).shipped("v1")
    for name in ("v2", "v3"):
        simulation.release(name, irreversible=name == "v2")
        simulation.deploy(name)
        simulation.settle()
    simulation.emergency()
    simulation.settle()
    with pytest.raises(RefusedError, match="v2 is irreversible"):
        simulation.emergency()
    simulation.emergency(past=("v2",))
    simulation.settle()
    assert simulation.weights() == {"v1": 1}


def test_who_only_leaves_a_canary_is_watched_as_before() -> None:
    simulation = held_v3(Simulation(policy(2)).shipped("v1", "v2"))
    simulation.rollback()
    simulation.settle()
    assert simulation.state.service("backend").watch is not None
    simulation.workloads.behaviours["v2"] = CRASH_LOOPING
    simulation.until(lambda: simulation.weights() == {"v1": 2}, 30)
    assert simulation.deployment.kind is Kind.ROLLBACK


def test_an_emergency_that_is_given_up_leaves_what_was_warm_warm() -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    ready = simulation.workloads.ready
    warm = {i.id for i in simulation.instances("v1")}
    simulation.router.ready = lambda name: name not in warm and ready(name)
    simulation.tick()
    simulation.emergency()
    simulation.abort("v2 is fine")
    simulation.router.ready = ready
    simulation.settle()
    assert len(simulation.instances("v1", Intent.WARM)) == 2
    assert simulation.weights() == {"v2": 2}


def test_a_slow_return_is_hurried_by_an_emergency() -> None:
    simulation = Simulation(policy(2, keep_warm=0)).shipped("v1", "v2")
    simulation.workloads.behaviours["v1"] = Behaviour(ready_after=8)
    simulation.rollback()
    simulation.tick(2)
    simulation.emergency()
    simulation.settle()
    assert simulation.weights() == {"v1": 2}


@pytest.mark.parametrize("silent", [False, True])
def test_who_had_users_has_them_though_nobody_answers_them_any_more(silent: bool) -> None:
    """Else an emergency would go past the good stable version too."""
    simulation = held_v3(Simulation(policy(2)).shipped("v1", "v2"))
    if silent:
        simulation.router.silent = True
    else:
        simulation.workloads.behaviours["v3"] = CRASH_LOOPING
        simulation.router.ready = simulation.workloads.ready
    simulation.engine.look()
    simulation.emergency()
    simulation.router.silent = False
    simulation.settle()
    assert simulation.weights() == {"v2": 2}


@pytest.mark.parametrize("verb", ["emergency", "rollback"])
def test_what_is_asked_again_in_any_moment_is_the_same_one(verb: str) -> None:
    simulation = Simulation(policy(2, Pace(0, 1), keep_warm=0)).shipped("v1", "v2")
    simulation.workloads.behaviours["v1"] = Behaviour(ready_after=5)
    first = getattr(simulation, verb)().deployment.id
    while not simulation.deployment.ended:
        assert getattr(simulation, verb)().deployment.id == first
        simulation.tick()


def test_aborting_an_emergency_that_had_users_over_never_leads_them_back() -> None:
    simulation = Simulation(policy(4, Pace(0, 1))).shipped("v1", "v2")
    ready, fit = simulation.workloads.ready, {simulation.instances("v1")[3].id}
    simulation.router.ready = lambda name: ready(name) and (name in fit or not _is_v1(simulation, name))
    simulation.emergency()
    assert simulation.weights() == {"v1": 1, "v2": 3}
    fit.clear()
    simulation.tick()
    simulation.abort()
    simulation.router.ready = ready
    simulation.settle()
    assert (simulation.state.release, simulation.weights()) == ("v1", {"v1": 4})


def _is_v1(simulation: Simulation, name: str) -> bool:
    return simulation.workloads.processes[name].version.label == "v1"


def test_what_crash_loops_while_it_is_compared_is_undone_at_once() -> None:
    simulation = compared()
    simulation.suspicions.clear()
    simulation.workloads.behaviours["v2"] = CRASH_LOOPING
    simulation.until(lambda: simulation.state.release == "v1", 20)


def test_a_rollback_out_of_a_canary_that_is_tried_again_goes_no_further_back() -> None:
    simulation = held_v3(Simulation(policy(2)).shipped("v1", "v2"))
    simulation.workloads.behaviours["v2"] = Behaviour(ready_after=30)
    simulation.rollback()
    if not simulation.deployment.ended:
        simulation.abort()
    simulation.settle()
    if simulation.phase in {Phase.FAILED, Phase.CANCELLED}:
        simulation.operations.retry("production", "alice")
    simulation.settle()
    assert simulation.state.release == "v2"


# -- two people who saw the same bad version


def left_v3(how: str) -> Simulation:
    """Somebody has just gone back from v3 to v2."""
    simulation = Simulation(policy(2)).shipped("v1", "v2", "v3")
    getattr(simulation, how)()
    simulation.settle()
    assert simulation.state.release == "v2"
    return simulation


@pytest.mark.parametrize("first", ["emergency", "rollback"])
@pytest.mark.parametrize("second", ["emergency", "rollback"])
def test_whoever_asks_again_within_a_minute_says_what_they_leave(first: str, second: str) -> None:
    simulation = left_v3(first)
    with pytest.raises(ConflictError, match=r"production is on v2 since .* by alice's ") as caught:
        getattr(simulation, second)()
    assert "say --past v2" in caught.value.hint
    with pytest.raises(ConflictError, match="production is on v2 since"):
        simulation.operations.rollback_plan("production", Kind.EMERGENCY)
    with pytest.raises(ConflictError, match="production is on v2 since"):
        getattr(simulation, second)(past=("v3",))
    getattr(simulation, second)(past=("v2",))
    simulation.settle()
    assert simulation.weights() == {"v1": 2}


def test_who_names_the_revision_to_go_to_is_not_refused() -> None:
    simulation = left_v3("emergency")
    simulation.rollback(to_revision=1)
    simulation.settle()
    assert simulation.weights() == {"v1": 2}


def test_a_minute_later_or_after_a_deployment_nobody_has_to_say_it() -> None:
    simulation = left_v3("emergency")
    simulation.release("v4")
    simulation.deploy("v4")
    simulation.settle()
    simulation.emergency()
    simulation.settle()
    assert simulation.state.release == "v2"
    simulation.tick(1, seconds=60.0)
    simulation.emergency()
    simulation.settle()
    assert simulation.weights() == {"v1": 2}


def test_out_of_a_canary_too() -> None:
    """It leaves what was on trial: the second would leave what users have had all the time."""
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    simulation.use(replace(policy(2), strategy=DEFAULTS[StrategyKind.CANARY]))
    simulation.release("v3")
    simulation.deploy("v3")
    simulation.until(lambda: "v3" in simulation.weights())
    simulation.emergency()
    simulation.settle()
    with pytest.raises(ConflictError, match="production is on v2 since"):
        simulation.emergency()


# -- nothing is undone by itself any more


def off(simulation: Simulation, *, automatic: bool = False) -> None:
    """A server with another policy runs from now on."""
    rollback = replace(simulation.engine.policy.rollback, automatic=automatic)
    simulation.use(replace(simulation.engine.policy, rollback=rollback))


@pytest.mark.parametrize("worse", [False, True])
def test_a_comparison_ends_where_nothing_is_undone_by_itself_any_more(*, worse: bool) -> None:
    simulation = compared()
    off(simulation)
    simulation.metrics.error_ratios["v2"] = 0.3 if worse else 0.0
    simulation.settle()
    assert (simulation.phase, simulation.deployment.message) == (
        Phase.CANCELLED,
        "automatic rollback is off",
    )
    assert (simulation.weights(), simulation.state.release) == ({"v2": 2}, "v2")
    (told,) = simulation.entries("deployment.suspected")
    assert told.reason.endswith("not undone by itself: automatic rollback is off")


def test_what_was_told_while_nothing_was_undone_by_itself_is_undone_once_that_is_so_again() -> None:
    simulation = Simulation(policy(2, automatic=False)).shipped("v1", "v2")
    simulation.workloads.behaviours["v2"] = CRASH_LOOPING
    simulation.tick(20)
    assert len(simulation.entries("deployment.suspected")) == 1
    off(simulation, automatic=True)
    simulation.until(lambda: simulation.deployment.kind is Kind.ROLLBACK, 20)
    simulation.settle()
    assert simulation.weights() == {"v1": 2}


def test_an_emergency_that_was_given_up_before_it_left_anything_keeps_nobody_from_another_one() -> None:
    simulation = Simulation(policy(4)).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.until(lambda: "v2" in simulation.weights())
    simulation.workloads.behaviours["v1"] = NEVER_READY
    simulation.tick()
    simulation.emergency()
    simulation.abort()
    assert "v1" not in simulation.weights()
    simulation.emergency()
    simulation.workloads.behaviours["v1"] = Behaviour()
    simulation.settle()
    assert (simulation.phase, simulation.weights()) == (Phase.SUCCEEDED, {"v1": 4})
