"""A canary on its way through its weights: each earns its own pass, whatever was shown before."""

from dataclasses import replace

import pytest

from carelane.analysis.trials import UNRECORDED, Trial
from carelane.analysis.verdicts import Reason, Verdict
from carelane.base.errors import InputError
from carelane.delivery.analyses import AnalysisRun
from carelane.delivery.deployments import Phase
from carelane.delivery.policies import Policy
from carelane.delivery.strategies import (
    DEFAULTS,
    OnInconclusive,
    StrategyKind,
    check_steps,
)
from tests.fakes.simulation import Simulation
from tests.unit.delivery.test_stepping import BUSY, analysis, canary, on_its_way, pause, weight


def at_weight(percent: int, policy: Policy | None = None, busy: float = BUSY) -> Simulation:
    """v2 is as good as v1 until it has *percent* of the users, and just got them."""
    simulation = on_its_way(policy or canary(), busy=busy)
    simulation.until(lambda: simulation.weights().get("v2") == percent * 100, 1200)
    return simulation


def run_of(simulation: Simulation) -> AnalysisRun:
    run = simulation.repository.analysis(2, "backend")
    assert run is not None
    return run


def seen(simulation: Simulation) -> tuple[Verdict, tuple[Reason, ...]]:
    evidence = simulation.engine.seen.evidence[2, "backend"]
    return evidence.verdict, evidence.reasons


@pytest.mark.parametrize("percent", [25, 50])
def test_a_canary_that_begins_to_fail_at_a_later_weight_is_ended_and_never_promoted(percent: int) -> None:
    simulation = at_weight(percent, busy=50.0)
    simulation.metrics.error_ratios = {"v1": 0.002, "v2": 0.05}
    simulation.until(lambda: simulation.phase in {Phase.FAILED, Phase.SUCCEEDED}, 60)
    assert simulation.phase is Phase.FAILED
    assert set(simulation.weights()) == {"v1"}
    assert simulation.state.service("backend").stable == "v1"
    assert f"since {percent} %: worse" in simulation.deployment.message


def test_a_pass_at_one_weight_does_not_end_the_analysis_at_the_next() -> None:
    simulation = on_its_way(canary())
    began: dict[int, float] = {}
    for _ in range(400):
        simulation.tick()
        rollout = simulation.deployment.rollouts["backend"]
        began.setdefault(rollout.step, simulation.clock.monotonic())
        if simulation.phase is Phase.SUCCEEDED:
            break
    took = [began[step + 1] - began[step] for step in (1, 3, 5)]
    assert all(seconds >= 5 for seconds in took), "each analysis waits for evidence of its own"
    reasons = [entry.reason for entry in simulation.entries("analysis.passed")]
    assert len(reasons) == 3
    assert "since" not in reasons[0]
    assert ["since 25 %" in reasons[1], "since 50 %" in reasons[2]] == [True, True]


def test_users_who_stop_coming_at_a_later_weight_leave_it_to_a_person() -> None:
    """What was shown at 10 % says nothing of 25 %."""
    simulation = at_weight(25, canary(weight(10), analysis(), weight(25), analysis(60)))
    simulation.metrics.requests_per_second = 0.0
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 70)
    assert simulation.weights()["v2"] == 2500


def test_nor_does_an_earlier_pass_keep_it_from_turning_back_where_the_policy_says_so() -> None:
    steps = (weight(10), analysis(), weight(25), analysis(60))
    simulation = at_weight(25, canary(*steps, on=OnInconclusive.ABORT))
    simulation.metrics.reachable = False
    simulation.until(lambda: simulation.phase is Phase.FAILED, 70)
    assert "no verdict after 60 s" in simulation.deployment.message
    assert "nothing was counted" in simulation.deployment.message


def test_two_analyses_at_one_weight_need_one_pass() -> None:
    simulation = on_its_way(canary(weight(25), analysis(), analysis(), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 200)
    assert len(simulation.entries("analysis.passed")) == 2


@pytest.mark.parametrize("look_seconds", [0.0, 5.0])
def test_a_weight_counts_from_what_was_read_after_the_proxies_took_it(look_seconds: float) -> None:
    """What is read may be older than the look that it is read at."""
    simulation = at_weight(25)
    simulation.metrics.look_seconds = look_seconds
    simulation.router.rejects = lambda _: "no such cluster"
    simulation.router.rejected_seconds = 0.0
    simulation.tick(12)
    assert {w.weight for w in run_of(simulation).windows} == {0}
    assert seen(simulation) == (Verdict.INCONCLUSIVE, (Reason.WEIGHT_BEGINS,))
    simulation.router.rejects = lambda _: ""
    simulation.tick()
    taken = simulation.clock.monotonic()
    simulation.tick(15)
    later = [w for w in run_of(simulation).windows if w.weight == 1]
    assert later
    assert later[0].started_at >= taken


def test_what_is_recorded_leads_to_the_same_verdict_bit_for_bit_wherever_weights_began() -> None:
    simulation = at_weight(50)
    simulation.metrics.error_ratios = {"v1": 0.002, "v2": 0.03}
    simulation.until(lambda: simulation.phase is Phase.FAILED, 60)
    run = run_of(simulation)
    assert run.trial == Trial((10, 25, 50))
    assert [w.weight for w in run.windows] == sorted(w.weight for w in run.windows)
    assert {w.weight for w in run.windows} == {0, 1, 2}
    assert run.evidence is not None
    assert run.evidence.verdict is Verdict.FAIL
    assert run.judge().evidence() == run.evidence
    moved = tuple(replace(w, weight=min(w.weight, 1)) for w in run.windows)
    assert replace(run, windows=moved).judge().evidence() != run.evidence, "where one began is part of it"


def test_a_server_that_restarts_in_the_middle_of_a_later_weight_goes_on_with_the_same_sums() -> None:
    simulations = [at_weight(25, canary(weight(10), analysis(), weight(25), pause())) for _ in range(2)]
    for restarts, simulation in enumerate(simulations):
        simulation.tick(7)
        if restarts:
            simulation.restart_server()
        simulation.tick(7)
    steady, restarted = (run_of(simulation) for simulation in simulations)
    assert {w.weight for w in restarted.windows} == {0, 1}
    assert restarted.windows == steady.windows
    assert restarted.evidence == steady.evidence == restarted.judge().evidence()


def test_a_server_that_restarts_between_a_pass_and_the_rise_does_not_take_it_for_the_next() -> None:
    simulation = at_weight(25)
    simulation.restart_server()
    simulation.tick()
    assert seen(simulation) == (Verdict.INCONCLUSIVE, (Reason.WEIGHT_BEGINS,))


def test_a_canary_that_the_version_before_began_goes_on_and_earns_its_pass_at_the_next_weight() -> None:
    """Neither its weights nor where they began were recorded."""
    simulation = on_its_way(canary())
    simulation.until(lambda: simulation.repository.analysis(2, "backend") is not None)
    simulation.repository._analyses[2, "backend"] = replace(run_of(simulation), trial=UNRECORDED)
    simulation.restart_server()
    simulation.until(lambda: simulation.weights().get("v2") == 2500, 600)
    simulation.metrics.error_ratios = {"v1": 0.002, "v2": 0.05}
    simulation.until(lambda: simulation.phase in {Phase.FAILED, Phase.SUCCEEDED}, 600)
    assert simulation.phase is Phase.FAILED
    run = run_of(simulation)
    assert run.trial == UNRECORDED
    assert run.judge().evidence() == run.evidence


@pytest.mark.parametrize(("step", "wanted"), [(0, 0), (1, 0), (2, 0), (3, 1), (4, 1), (5, 2), (6, 2), (7, 2)])
def test_which_weight_a_canary_has_follows_from_its_step(step: int, wanted: int) -> None:
    default = DEFAULTS[StrategyKind.CANARY]
    assert default.weights == (10, 25, 50)
    assert default.weight_at(step) == wanted
    assert DEFAULTS[StrategyKind.BLUE_GREEN].weights == ()


def test_an_analysis_of_who_has_all_the_traffic_is_refused() -> None:
    """It could never be decided: stable has no users to compare with."""
    with pytest.raises(InputError, match="step 4: an analysis at weight 100 has no stable"):
        check_steps((weight(50), analysis(), weight(100), analysis()))
