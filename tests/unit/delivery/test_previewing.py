"""Blue-green whose check is an analysis: what came through the preview, beside what users got of stable."""

from dataclasses import replace

import pytest

from carelane.delivery.deployments import Phase
from carelane.delivery.strategies import (
    CanaryStep,
    OnInconclusive,
    StepKind,
    Strategy,
    StrategyKind,
    blue_green_steps,
)
from tests.fakes.instances import Behaviour
from tests.fakes.releases import WEB
from tests.fakes.simulation import Simulation, policy

ANALYSIS = CanaryStep(StepKind.ANALYSIS, seconds=60.0)


def previewed(
    previews: float,
    errors: float = 0.0,
    *checks: CanaryStep,
    on: OnInconclusive = OnInconclusive.PAUSE,
    hold: bool = False,
    behaviour: Behaviour | None = None,
) -> Simulation:
    """v1 has users, v2 is asked for, and *previews* a second of which *errors* fail reach its preview."""
    steps = blue_green_steps(*(checks or (ANALYSIS,)), hold=hold)
    strategy = Strategy(StrategyKind.BLUE_GREEN, steps, on)
    simulation = Simulation(replace(policy(2), strategy=strategy), {"backend": WEB}).shipped("v1")
    simulation.metrics.requests_per_second = 100.0
    simulation.metrics.previews_per_second = previews
    simulation.metrics.error_ratios = {"v1": 0.002, "v2*": errors}
    simulation.release("v2", behaviour)
    simulation.deploy("v2")
    return simulation


def test_a_preview_that_is_shown_to_be_safe_is_switched_to() -> None:
    simulation = previewed(40.0)
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED, 60)
    (entry,) = simulation.entries("analysis.passed")
    assert "canary failed 0 of" in entry.reason
    run = simulation.repository.analysis(2, "backend")
    assert run is not None
    assert run.preview
    assert run.judge().evidence() == run.evidence, "bit for bit"


def test_a_preview_that_is_worse_ends_it_before_any_user_has_it() -> None:
    simulation = previewed(40.0, errors=0.2)
    simulation.until(lambda: simulation.phase is Phase.FAILED, 30)
    assert "backend: analysis: canary failed" in simulation.deployment.message
    assert "worse" in simulation.deployment.message
    simulation.settle()
    routes = [r.services["backend"] for r in simulation.router.routings if "backend" in r.services]
    assert {route.versions["v2"].weight for route in routes if "v2" in route.versions} == {0}
    assert simulation.running() == {"v1": 2}


@pytest.mark.parametrize(
    ("on", "phase"),
    [
        (OnInconclusive.PAUSE, Phase.PAUSED),
        (OnInconclusive.EXTEND, Phase.PROGRESSING),
        (OnInconclusive.ABORT, Phase.FAILED),
    ],
)
def test_without_any_request_to_the_preview_nothing_is_shown_and_nothing_passes(
    on: OnInconclusive, phase: Phase
) -> None:
    simulation = previewed(0.0, on=on)
    simulation.tick(70)
    assert (simulation.phase, set(simulation.weights())) == (phase, {"v1"})
    if phase is not Phase.PROGRESSING:
        assert "nothing was counted" in simulation.deployment.message
    assert "analysis.passed" not in simulation.acts()


def test_what_reached_the_preview_before_everything_was_up_speaks_against_nobody() -> None:
    """The proxies answer 503 for what is not there yet."""
    simulation = previewed(40.0, errors=1.0, behaviour=Behaviour(ready_after=20))
    simulation.tick(15)
    assert simulation.repository.analysis(2, "backend") is None
    simulation.metrics.error_ratios = {}
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED, 60)


def test_nor_does_what_was_not_looked_at_before() -> None:
    """The counters are looked at once a second: the first look may be of before everything was up."""
    simulation = previewed(0.0, behaviour=Behaviour(ready_after=20))
    simulation.metrics.look_seconds = 1000.0
    simulation.metrics.readings("backend", "v1", "v2", (), preview=True)
    simulation.metrics.previews_per_second, simulation.metrics.error_ratios = 40.0, {"v2*": 1.0}
    simulation.until(lambda: simulation.deployment.rollouts["backend"].step == 1, 30)
    simulation.metrics._grow("backend", "v2*")
    simulation.metrics.error_ratios = {}
    simulation.tick()
    simulation.metrics.look_seconds = 0.0
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED, 60)


def test_it_is_judged_on_while_a_person_looks_at_it_and_no_more_after_the_switch() -> None:
    simulation = previewed(40.0, hold=True)
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 60)
    known = simulation.repository.analysis(2, "backend")
    simulation.tick(5)
    seen = simulation.repository.analysis(2, "backend")
    assert known is not None
    assert seen is not None
    assert len(seen.windows) == len(known.windows) + 5
    simulation.promote()
    simulation.until(lambda: set(simulation.weights()) == {"v2"}, 5)
    last = simulation.repository.analysis(2, "backend")
    simulation.settle()
    assert simulation.repository.analysis(2, "backend") == last


def test_a_preview_that_turns_bad_while_a_person_looks_at_it_ends_it() -> None:
    simulation = previewed(40.0, hold=True)
    simulation.until(lambda: simulation.phase is Phase.PAUSED, 60)
    simulation.metrics.error_ratios = {"v2*": 0.9}
    simulation.until(lambda: simulation.phase is Phase.FAILED, 60)


def test_without_an_analysis_nothing_is_judged_whatever_reaches_the_preview() -> None:
    check = CanaryStep(StepKind.CHECK, seconds=20, path="/health")
    simulation = previewed(40.0, 1.0, check)
    simulation.tick(10)
    assert simulation.repository.analysis(2, "backend") is None
    simulation.router.answers["backend v2 /health"] = (200, b"")
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
