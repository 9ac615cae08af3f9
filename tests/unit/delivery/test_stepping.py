"""Canary and blue-green: step by step, judged, held, promoted, and undone in one routing change."""

from dataclasses import replace

import pytest

from carelane.delivery.deployments import Phase, RolloutPhase
from carelane.delivery.policies import Policy, RollbackPolicy
from carelane.delivery.replicas.fleet import Intent
from carelane.delivery.requesting import Wanted
from carelane.delivery.strategies import (
    DEFAULTS,
    ROLLING,
    CanaryStep,
    OnInconclusive,
    StepKind,
    Strategy,
    StrategyKind,
)
from tests.fakes.instances import NEVER_READY, Behaviour
from tests.fakes.releases import WEB
from tests.fakes.simulation import Simulation, policy

BUSY = 200.0
"""Requests a second."""


def weight(percent: int) -> CanaryStep:
    return CanaryStep(StepKind.WEIGHT, percent)


def pause(seconds: float | None = None) -> CanaryStep:
    return CanaryStep(StepKind.PAUSE, seconds=seconds)


def analysis(seconds: float = 600.0) -> CanaryStep:
    return CanaryStep(StepKind.ANALYSIS, seconds=seconds)


def canary(*steps: CanaryStep, replicas: int = 4, on: OnInconclusive = OnInconclusive.PAUSE) -> Policy:
    strategy = Strategy(StrategyKind.CANARY, steps, on) if steps else DEFAULTS[StrategyKind.CANARY]
    return replace(policy(replicas), strategy=strategy)


def on_its_way(
    policy: Policy, errors: float | None = None, behaviour: Behaviour | None = None, busy: float = BUSY
) -> Simulation:
    """v1 is stable, users come, and v2 (with its ratio of *errors*) has been asked for."""
    simulation = Simulation(policy).shipped("v1")
    simulation.metrics.requests_per_second = busy
    simulation.metrics.error_ratios = {"v1": 0.002, "v2": 0.002 if errors is None else errors}
    simulation.release("v2", behaviour)
    simulation.deploy("v2")
    return simulation


# -- steps


def test_a_canary_grows_with_its_weight_and_stable_stays_whole_until_the_end() -> None:
    simulation = on_its_way(canary(weight(25), pause(5), weight(50), pause(5)))
    seen = []
    for _ in range(40):
        simulation.tick()
        seen.append((simulation.weights(), simulation.running().get("v2", 0)))
        if simulation.phase is Phase.SUCCEEDED:
            break
        assert len(simulation.instances("v1", Intent.SERVE)) in {4, 0}
    weights = [w for n, (w, _) in enumerate(seen) if n == 0 or w != seen[n - 1][0]]
    assert weights == [
        {"v1": 10_000},
        {"v1": 7500, "v2": 2500},
        {"v1": 5000, "v2": 5000},
        {"v2": 10_000},
        {"v2": 4},
    ]
    first = {w["v2"]: n for w, n in reversed(seen) if w.get("v2", 0) > 4}
    assert first == {2500: 1, 5000: 2, 10_000: 4}, "as many as the weight needs"
    assert simulation.running() == {"v1": 4, "v2": 4}, "the old version is kept warm"


def test_a_healthy_canary_is_promoted_by_its_own_traffic() -> None:
    simulation = on_its_way(canary())
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED, 2000)
    assert simulation.state.service("backend").stable == "v2"
    assert "analysis.passed" in simulation.acts()


def test_a_canary_that_is_worse_is_ended_by_itself_and_nothing_is_left_with_it() -> None:
    simulation = on_its_way(canary(), errors=0.05)
    simulation.until(lambda: simulation.phase is Phase.FAILED, 300)
    assert set(simulation.weights()) == {"v1"}, "in the same decision"
    simulation.settle()
    assert "worse, with false-alarm probability under 1 %" in simulation.deployment.message
    assert simulation.running() == {"v1": 4}
    assert simulation.weights() == {"v1": 4}


def test_a_canary_is_judged_in_a_pause_too() -> None:
    simulation = on_its_way(canary(weight(25), pause()), errors=0.3)
    simulation.until(lambda: simulation.phase is Phase.FAILED, 60)
    assert "analysis" in simulation.deployment.message


def test_without_traffic_an_analysis_is_inconclusive_and_asks_a_person() -> None:
    simulation = on_its_way(canary(weight(10), analysis(60)), busy=0.0)
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 90)
    assert "nothing was counted" in simulation.deployment.message
    assert "promote, resume or abort" in simulation.deployment.message
    assert simulation.weights() == {"v1": 9000, "v2": 1000}


def test_statistics_that_cannot_be_reached_never_pass() -> None:
    simulation = on_its_way(canary(weight(10), analysis(60)))
    simulation.until(lambda: "v2" in simulation.weights())
    simulation.tick(2)
    simulation.metrics.reachable = False
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 90)
    assert "cannot be reached" in simulation.deployment.message


@pytest.mark.parametrize(
    ("on", "seconds", "phase"),
    [(OnInconclusive.PAUSE, 62, Phase.PAUSED), (OnInconclusive.EXTEND, 242, Phase.PAUSED)],
)
def test_an_inconclusive_analysis_does_what_the_policy_says(
    on: OnInconclusive, seconds: int, phase: Phase
) -> None:
    simulation = on_its_way(canary(weight(10), analysis(60), on=on), busy=0.0)
    simulation.until(lambda: simulation.deployment.rollouts["backend"].step == 1)
    began = simulation.clock.now()
    simulation.until(lambda: simulation.phase is phase, seconds + 5)
    assert seconds - 4 <= (simulation.clock.now() - began).total_seconds() <= seconds + 1


def test_an_inconclusive_analysis_turns_back_where_the_policy_says_so() -> None:
    simulation = on_its_way(canary(weight(10), analysis(60), on=OnInconclusive.ABORT), busy=0.0)
    simulation.settle(200)
    assert simulation.phase is Phase.FAILED
    assert "undecided: no verdict after 60 s" in simulation.deployment.message


def test_a_pause_without_time_waits_for_a_person_and_resuming_goes_on_to_the_next_step() -> None:
    simulation = on_its_way(canary(weight(25), pause(), weight(50), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.tick(300)
    assert simulation.weights() == {"v1": 7500, "v2": 2500}
    simulation.resume()
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    assert simulation.weights() == {"v1": 5000, "v2": 5000}


def test_a_pause_by_hand_holds_the_step_that_is_under_way() -> None:
    simulation = on_its_way(canary(weight(25), pause(30), weight(50), pause()))
    simulation.until(lambda: "v2" in simulation.weights())
    simulation.pause()
    simulation.tick(100)
    assert simulation.deployment.rollouts["backend"].step == 1
    simulation.resume()
    simulation.tick(5)
    assert simulation.weights() == {"v1": 7500, "v2": 2500}, "its time begins anew"


# -- turning back


def test_at_an_abort_all_users_leave_at_once() -> None:
    simulation = on_its_way(canary(weight(50), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.abort()
    assert simulation.weights() == {"v1": 10_000}
    simulation.settle()
    assert (simulation.running(), simulation.phase) == ({"v1": 4}, Phase.FAILED)


def test_a_new_deployment_during_a_canary_takes_its_weight_first() -> None:
    simulation = on_its_way(canary(weight(50), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.release("v3")
    simulation.deploy("v3")
    assert simulation.weights() == {"v1": 10_000}
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    assert simulation.weights() == {"v1": 5000, "v3": 5000}
    assert "v2" not in simulation.running()
    assert simulation.repository.deployment(2).phase is Phase.SUPERSEDED


def test_deploying_stable_again_during_a_canary_ends_the_canary_without_another_judging() -> None:
    simulation = on_its_way(canary(weight(50), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.deploy("v1")
    simulation.settle()
    assert (simulation.state.release, simulation.running()) == ("v1", {"v1": 4})
    assert simulation.repository.analysis(3, "backend") is None


def test_an_emergency_in_the_middle_of_a_canary_is_one_routing_change() -> None:
    simulation = on_its_way(canary(weight(50), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.emergency()
    assert set(simulation.weights()) == {"v1"}
    simulation.settle()
    assert simulation.running() == {"v1": 4}


@pytest.mark.parametrize("how", ["emergency", "rollback", "deploy"])
def test_leaving_a_canary_is_no_revision_for_nothing_has_changed(how: str) -> None:
    simulation = on_its_way(canary(weight(50), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    match how:
        case "emergency":
            simulation.emergency()
        case "rollback":
            simulation.rollback()
        case _:
            simulation.deploy("v1")
    simulation.settle()
    assert (simulation.phase, simulation.state.release) == (Phase.SUCCEEDED, "v1")
    assert [(r.number, r.release) for r in simulation.history] == [(1, "v1")]
    assert simulation.state.revision == 1


def test_an_emergency_out_of_a_canary_that_was_judged_is_not_held_by_the_canary_s_verdict() -> None:
    """Automatic rollback is off, the canary failed and waits for a person, who breaks the glass."""
    simulation = on_its_way(
        replace(canary(weight(50), pause()), rollback=RollbackPolicy(automatic=False)), errors=0.3
    )
    simulation.until(lambda: "worse" in simulation.deployment.message)
    assert simulation.phase is Phase.PAUSED
    simulation.emergency()
    assert (simulation.phase, set(simulation.weights())) == (Phase.SUCCEEDED, {"v1"})


def test_a_canary_whose_readiness_is_lost_leaves_traffic_to_stable_and_ends() -> None:
    simulation = on_its_way(canary(weight(25), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.workloads.behaviours["v2"] = NEVER_READY
    simulation.tick()
    assert simulation.weights() == {"v1": 7500}
    simulation.until(lambda: simulation.phase is Phase.FAILED, 20)
    assert "no instance of v2 is ready any more, all of v1 are" in simulation.deployment.message


def test_readiness_that_both_versions_lose_is_not_the_canary_s_fault() -> None:
    simulation = on_its_way(canary(weight(25), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    for label in ("v1", "v2"):
        simulation.workloads.behaviours[label] = NEVER_READY
    simulation.tick(30)
    assert simulation.phase is Phase.PAUSED


def test_a_dead_stable_does_not_block_its_own_fix() -> None:
    simulation = Simulation(canary(weight(25), pause(5))).shipped("v1")
    simulation.workloads.behaviours["v1"] = NEVER_READY
    simulation.tick()
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.until(lambda: set(simulation.weights()) == {"v2"}, 20)
    simulation.settle()
    assert (simulation.phase, simulation.state.release) == (Phase.SUCCEEDED, "v2")


def test_a_canary_that_never_gets_ready_is_undone_at_the_deadline_without_a_request() -> None:
    simulation = on_its_way(canary(), behaviour=NEVER_READY)
    simulation.until(lambda: simulation.phase is Phase.FAILED, 700)
    assert "deadline: 0 of" in simulation.deployment.message
    assert simulation.metrics.totals.get(("backend", "v2")) is None


def test_at_an_abort_users_stay_with_the_canary_until_stable_can_take_them() -> None:
    """Acceptance cases 10 and 11: weight is never given to whom nobody answers."""
    simulation = on_its_way(canary(weight(75), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.workloads.behaviours["v1"] = NEVER_READY
    simulation.tick()
    simulation.abort()
    assert set(simulation.weights()) == {"v2"}
    simulation.tick(5)
    assert set(simulation.weights()) == {"v2"}
    simulation.workloads.behaviours["v1"] = Behaviour()
    simulation.tick(2)
    assert set(simulation.weights()) == {"v1"}
    simulation.settle()
    assert (simulation.phase, simulation.running()) == (Phase.FAILED, {"v1": 4})


def test_a_canary_that_is_superseded_keeps_its_users_only_while_stable_has_nobody_for_them() -> None:
    simulation = on_its_way(canary(weight(75), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.workloads.behaviours["v1"] = NEVER_READY
    simulation.tick()
    simulation.release("v3", NEVER_READY)
    simulation.deploy("v3")
    simulation.tick(3)
    assert set(simulation.weights()) == {"v2"}
    simulation.workloads.behaviours["v1"] = Behaviour()
    simulation.tick(2)
    assert set(simulation.weights()) == {"v1"}


def test_a_dry_run_judges_and_lets_nothing_follow_from_it() -> None:
    """Acceptance case 13."""
    dry = replace(canary(weight(25), analysis()), dry_run=True)
    simulation = on_its_way(dry, errors=0.2)
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED, 300)
    (entry,) = simulation.entries("analysis.dry_run")
    assert "worse" in entry.reason
    run = simulation.repository.analysis(2, "backend")
    assert run is not None
    assert run.evidence is not None
    assert run.evidence.verdict == "fail"


def test_with_hardly_any_users_a_healthy_canary_waits_for_a_person_and_is_never_promoted_by_itself() -> None:
    """Acceptance case 20, its last part: at two requests a second there is too little to tell."""
    simulation = on_its_way(canary(weight(10), analysis(300)), busy=2.0)
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 400)
    assert "too few requests to tell" in simulation.deployment.message
    simulation.tick(1000)
    assert simulation.weights() == {"v1": 9000, "v2": 1000}


def test_a_server_that_restarts_in_the_middle_judges_on_from_what_was_counted() -> None:
    simulation = on_its_way(canary(weight(10), analysis()), errors=0.004)
    simulation.until(lambda: simulation.repository.analysis(2, "backend") is not None)
    simulation.tick(20)
    before = simulation.repository.analysis(2, "backend")
    assert before is not None
    simulation.restart_server()
    simulation.tick(1)
    after = simulation.repository.analysis(2, "backend")
    assert after is not None
    assert after.windows[: len(before.windows)] == before.windows
    assert after.windows[len(before.windows)].started_at == before.windows[-1].ended_at, "nothing is lost"
    assert after.judge().evidence() == after.evidence == simulation.engine.seen.evidence[2, "backend"]


def test_services_go_one_after_another_and_a_bad_second_one_takes_the_first_back() -> None:
    services = {"backend": WEB, "frontend": WEB}
    both = replace(canary(weight(50), pause(5)), replicas={"backend": 2, "frontend": 2})
    simulation = Simulation(both, services).shipped("v1")
    simulation.release("v2")
    simulation.workloads.behaviours["frontend", "v2"] = Behaviour(crashes=True)
    simulation.deploy("v2")
    simulation.until(lambda: simulation.phase is Phase.FAILED, 60)
    simulation.settle()
    assert (simulation.weights("backend"), simulation.weights("frontend")) == ({"v1": 2}, {"v1": 2})
    assert {r.phase for r in simulation.deployment.rollouts.values()} == {RolloutPhase.DEGRADED}


def test_a_service_without_users_can_go_another_way_and_keeps_nobody_waiting() -> None:
    services = {"backend": WEB, "reports": WEB}
    both = replace(
        canary(weight(50), analysis()),
        replicas={"backend": 2, "reports": 2},
        by_service={"reports": ROLLING},
    )
    simulation = Simulation(both, services).shipped("v1")
    simulation.metrics.requests_per_second = BUSY
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED, 1000)
    kinds = [r.strategy.kind for r in simulation.deployment.rollouts.values()]
    assert kinds == [StrategyKind.CANARY, StrategyKind.ROLLING]


def test_a_strategy_can_be_named_for_one_deployment_and_is_kept_when_that_is_tried_again() -> None:
    simulation = Simulation(policy(2)).shipped("v1")
    simulation.release("v2")
    simulation.operations.deploy("production", "v2", "alice", "", Wanted("canary"))
    assert simulation.deployment.rollouts["backend"].strategy.kind is StrategyKind.CANARY
    simulation.abort()
    simulation.settle()
    simulation.operations.retry("production", "alice")
    assert simulation.deployment.strategy is StrategyKind.CANARY
    assert simulation.deployment.rollouts["backend"].strategy.kind is StrategyKind.CANARY
