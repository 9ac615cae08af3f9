"""The services of a deployment go one after another and share alpha: the mean of their E decides."""

from dataclasses import replace

import numpy as np
import pytest

from carelane.analysis.verdicts import Verdict
from carelane.delivery.analyses import AnalysisRun
from carelane.delivery.deployments import Phase, RolloutPhase
from carelane.delivery.policies import RollbackPolicy
from carelane.delivery.strategies import (
    DEFAULTS,
    ROLLING,
    CanaryStep,
    Strategy,
    StrategyKind,
    blue_green_steps,
)
from tests.fakes.releases import WEB
from tests.fakes.simulation import Simulation
from tests.unit.delivery.test_stepping import BUSY, analysis, canary, pause, weight

NAMES = ("backend", "frontend", "records")
BAD = 0.02


def services(*steps: CanaryStep, count: int = 3, rolling: tuple[str, ...] = ()) -> Simulation:
    """So many services in one deployment of v2, each by a canary but those that go by rolling."""
    names = NAMES[:count]
    shared = replace(
        canary(*(steps or (weight(25), analysis(), pause(5)))),
        replicas=dict.fromkeys(names, 2),
        by_service=dict.fromkeys(rolling, ROLLING),
    )
    simulation = Simulation(shared, dict.fromkeys(names, WEB)).shipped("v1")
    simulation.metrics.requests_per_second = BUSY
    simulation.metrics.error_ratios = {"v1": 0.002, "v2": 0.002}
    simulation.release("v2")
    simulation.deploy("v2")
    return simulation


def run_of(simulation: Simulation, service: str) -> AnalysisRun:
    run = simulation.repository.analysis(2, service)
    assert run is not None
    return run


def failed_by(simulation: Simulation, service: str) -> AnalysisRun:
    """*service* begins to fail a little at once, and is found."""
    simulation.metrics.error_ratios[service, "v2"] = BAD
    simulation.until(lambda: simulation.phase is Phase.FAILED, 200)
    return run_of(simulation, service)


def test_a_service_among_three_takes_three_times_the_evidence_to_end_the_deployment() -> None:
    alone, among = (failed_by(services(count=count), "backend") for count in (1, 3))
    assert alone.evidence is not None
    assert among.evidence is not None
    assert len(among.windows) > len(alone.windows)
    assert among.trial.others == (0.0, 0.0)
    mean = (np.exp(among.evidence.log_e_worse) + 2) / 3
    assert mean >= 100
    assert "for the 3 services together" in among.evidence.words
    before = replace(among, windows=among.windows[:-1]).judge().now()
    assert (np.exp(before.log_e_worse) + 2) / 3 < 100, "no sooner"


def test_services_that_are_not_judged_have_no_share() -> None:
    run = failed_by(services(rolling=("frontend", "records")), "backend")
    assert run.trial.others == ()
    assert run.evidence is not None
    assert (run.evidence.services, run.evidence.log_e_deployment) == (1, None)


def test_one_that_is_through_counts_with_what_it_ended_with() -> None:
    simulation = services()
    simulation.until(lambda: simulation.repository.analysis(2, "frontend") is not None, 200)
    backend, frontend = run_of(simulation, "backend"), run_of(simulation, "frontend")
    assert frontend.trial.others == (backend.judge().now().log_e_worse, 0.0)
    assert frontend.trial.others[0] != 0.0
    windows = backend.windows
    simulation.tick(5)
    assert run_of(simulation, "backend").windows == windows, "it is judged no more"


def test_what_is_recorded_of_each_service_leads_to_its_verdict_bit_for_bit() -> None:
    simulation = services()
    simulation.until(lambda: simulation.repository.analysis(2, "records") is not None, 400)
    failed_by(simulation, "records")
    for name in NAMES:
        run = run_of(simulation, name)
        assert run.judge().evidence() == run.evidence


def test_a_server_that_restarts_goes_on_with_what_the_others_ended_with() -> None:
    simulation = services()
    simulation.until(lambda: simulation.repository.analysis(2, "frontend") is not None, 200)
    simulation.tick(3)
    others = run_of(simulation, "frontend").trial.others
    simulation.restart_server()
    run = failed_by(simulation, "frontend")
    assert run.trial.others == others
    assert run.judge().evidence() == run.evidence


def ended_with(log_e: float) -> Simulation:
    """The second service is under way, the first has ended with that log E (and was let through)."""
    simulation = services()
    simulation.until(lambda: simulation.repository.analysis(2, "frontend") is not None, 200)
    run = run_of(simulation, "frontend")
    assert not run.windows
    trial = replace(run.trial, others=(log_e, 0.0))
    simulation.repository._analyses[2, "frontend"] = replace(run, trial=trial)
    simulation.restart_server()
    return simulation


@pytest.mark.parametrize(("log_e", "blamed"), [(5.69, "backend"), (1.0, "frontend")])
def test_who_contributes_most_is_who_failed(log_e: float, blamed: str) -> None:
    simulation = ended_with(log_e)
    simulation.metrics.error_ratios["frontend", "v2"] = BAD
    simulation.until(lambda: simulation.phase is Phase.FAILED, 200)
    assert simulation.deployment.message.startswith(f"{blamed}: analysis: canary failed")
    assert "worse, with false-alarm probability under 1 % for the 3 services together" in (
        simulation.deployment.message
    )
    along = {"backend": "frontend", "frontend": "backend"}[blamed]
    assert simulation.deployment.rollouts[along].reason == f"taken back with {blamed}"
    assert {r.phase for r in simulation.deployment.rollouts.values()} == {RolloutPhase.DEGRADED}


def test_a_failed_service_that_a_person_let_go_is_not_held_against_the_next() -> None:
    simulation = services()
    simulation.use(replace(simulation.engine.policy, rollback=RollbackPolicy(automatic=False)))
    simulation.metrics.error_ratios["backend", "v2"] = 0.2
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 200)
    simulation.resume()
    simulation.until(lambda: simulation.repository.analysis(2, "frontend") is not None, 200)
    assert run_of(simulation, "frontend").trial.others == (0.0, 0.0)
    simulation.tick(5)
    assert simulation.engine.seen.evidence[2, "frontend"].verdict is not Verdict.FAIL


def test_what_is_not_judged_does_not_share() -> None:
    assert DEFAULTS[StrategyKind.CANARY].judged
    assert not ROLLING.judged
    assert not DEFAULTS[StrategyKind.BLUE_GREEN].judged
    previewed = Strategy(StrategyKind.BLUE_GREEN, blue_green_steps(analysis(), hold=False))
    assert previewed.judged
