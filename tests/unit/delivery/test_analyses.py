"""What is kept of a judging, and what goes on being counted for it."""

from dataclasses import replace

from carelane.analysis.objectives import AnalysisPolicy, Measure, Objective
from carelane.delivery.deployments import Phase
from carelane.delivery.judging import thresholds_under_way
from tests.unit.delivery.test_stepping import canary, on_its_way, pause, weight


def test_what_a_canary_began_to_be_judged_by_is_counted_until_it_has_ended() -> None:
    """The thresholds may be others in the configuration by now."""
    slow = AnalysisPolicy(objectives=(Objective(), Objective(Measure.SLOW, 800.0)))
    simulation = on_its_way(replace(canary(weight(25), pause()), analysis=slow))
    assert thresholds_under_way(None, simulation.repository) == set()
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.use(canary(weight(25), pause()))
    deployment = simulation.snapshot.deployment
    assert thresholds_under_way(deployment, simulation.repository) == {800.0}
    simulation.abort()
    simulation.settle()
    assert thresholds_under_way(simulation.deployment, simulation.repository) == set()
