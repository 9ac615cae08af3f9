"""What somebody found who tried for an hour to keep an emergency from working."""

import pytest

from carelane.base.errors import ConflictError
from carelane.delivery import history
from carelane.delivery.deployments import Kind, Phase
from carelane.delivery.policies import Pace
from carelane.delivery.requesting import Wanted
from tests.fakes.instances import CRASH_LOOPING, NEVER_READY, Behaviour
from tests.fakes.simulation import PRODUCTION, Simulation, policy


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
