"""A canary that stands beside stable without a user, and a way that is named."""

from carelane.delivery.deployments import Phase
from carelane.delivery.strategies import CanaryStep, StepKind, standing
from tests.fakes.simulation import PRODUCTION, Simulation, policy
from tests.unit.delivery.test_stepping import BUSY, analysis, canary, on_its_way, pause, weight


def test_at_weight_0_one_copy_is_ready_and_nobody_gets_it() -> None:
    simulation = on_its_way(canary(weight(0), pause(), weight(25), pause()))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    assert simulation.running() == {"v1": 4, "v2": 1}
    assert simulation.weights() == {"v1": 10_000}
    simulation.resume()
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    assert simulation.weights() == {"v1": 7500, "v2": 2500}


def test_a_check_before_the_first_user_is_of_somebody_who_is_there() -> None:
    probe = CanaryStep(StepKind.CHECK, seconds=60.0, path="/health")
    simulation = on_its_way(canary(*standing((probe, weight(25), pause()))))
    simulation.until(lambda: simulation.running().get("v2") == 1)
    simulation.tick(5)
    simulation.router.answers["backend v2 /health"] = (200, b"")
    assert simulation.deployment.rollouts["backend"].step == 1
    assert simulation.weights() == {"v1": 10_000}, "nobody yet"
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    assert simulation.weights() == {"v1": 7500, "v2": 2500}


def test_a_canary_at_0_that_is_aborted_leaves_stable_as_it_was() -> None:
    simulation = on_its_way(canary(weight(0), pause(), weight(25)))
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.abort()
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert (simulation.running(), simulation.weights()) == ({"v1": 4}, {"v1": 4})


def test_the_incident_of_an_emergency_beside_a_canary_without_users_is_of_what_users_had() -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    had = simulation.deployment.id
    simulation.use(canary(weight(0), pause(), replicas=2))
    simulation.release("v3")
    simulation.deploy("v3")
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.emergency()
    (incident,) = simulation.repository.incidents(PRODUCTION, 5)
    assert (incident.deployment, incident.version) == (had, "v2")
    assert set(simulation.weights()) == {"v1"}


def test_steps_that_begin_with_a_scale_or_a_weight_stand_already() -> None:
    for first in (weight(10), CanaryStep(StepKind.SCALE, 100)):
        assert standing((first, pause())) == (first, pause())


def test_a_deployment_of_what_is_still_warm_goes_the_way_of_any_other() -> None:
    simulation = on_its_way(canary(weight(25), analysis()), busy=BUSY)
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED, 2000)
    simulation.deploy("v1")
    simulation.until(lambda: simulation.weights() == {"v1": 2500, "v2": 7500})
    assert simulation.phase is Phase.PROGRESSING, "it is judged beside what is there now"


def test_an_emergency_beside_a_canary_of_what_was_warm_leaves_it_warm() -> None:
    simulation = on_its_way(canary(weight(25), analysis()), busy=BUSY)
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED, 2000)
    simulation.deploy("v1")
    simulation.until(lambda: simulation.weights() == {"v1": 2500, "v2": 7500})
    simulation.emergency()
    assert set(simulation.weights()) == {"v2"}, "what is on its way is left"
    simulation.settle()
    assert simulation.running() == {"v1": 4, "v2": 4}, "users may go back there as fast as before"
    simulation.emergency(past=("v2",))
    assert set(simulation.weights()) == {"v1"}


def test_a_way_that_is_named_is_gone_whatever_is_warm() -> None:
    simulation = on_its_way(policy(4), busy=BUSY)
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED, 2000)
    simulation.deploy("v1", strategy="canary")
    simulation.until(lambda: simulation.weights() == {"v1": 1000, "v2": 9000})
    assert simulation.phase is Phase.PROGRESSING


def test_only_a_rollback_to_what_is_warm_goes_at_once() -> None:
    simulation = on_its_way(canary(weight(25), analysis()), busy=BUSY)
    simulation.until(lambda: simulation.phase is Phase.SUCCEEDED, 2000)
    simulation.rollback()
    simulation.tick(3)
    assert (simulation.phase, set(simulation.weights())) == (Phase.SUCCEEDED, {"v1"})
