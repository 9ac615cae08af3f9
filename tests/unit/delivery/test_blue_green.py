"""Blue-green: all up beside the old, checked, switched in one change, verified, and undone in one."""

from dataclasses import replace

import pytest

from carelane.delivery.deployments import Phase
from carelane.delivery.strategies import CanaryStep, StepKind, Strategy, StrategyKind, blue_green_steps
from tests.fakes.instances import Behaviour
from tests.fakes.releases import WEB
from tests.fakes.simulation import Simulation, policy


def blue_green(check: CanaryStep | None = None, *, hold: bool = False, keep_warm: int = 1) -> Simulation:
    checks = () if check is None else (check,)
    strategy = Strategy(StrategyKind.BLUE_GREEN, blue_green_steps(*checks, hold=hold))
    service = {"backend": replace(WEB, routes=("/",), version_path="/version")}
    simulation = Simulation(replace(policy(3, keep_warm=keep_warm), strategy=strategy), service).shipped("v1")
    simulation.router.answers["/version"] = (200, b'{"version": "v2"}')
    simulation.release("v2")
    simulation.deploy("v2")
    return simulation


def test_blue_green_switches_everything_in_one_change_and_keeps_the_old_side() -> None:
    simulation = blue_green()
    seen = []
    for _ in range(20):
        simulation.tick()
        seen.append(simulation.weights())
    weights = [w for n, w in enumerate(seen) if n == 0 or w != seen[n - 1]]
    assert weights == [{"v1": 10_000}, {"v2": 10_000}, {"v2": 3}]
    assert (simulation.phase, simulation.running()) == (Phase.SUCCEEDED, {"v1": 3, "v2": 3})
    simulation.rollback()
    simulation.tick(2)
    assert set(simulation.weights()) == {"v1"}


def test_a_check_is_asked_of_the_new_version_by_hand_before_anybody_gets_it() -> None:
    simulation = blue_green(CanaryStep(StepKind.CHECK, seconds=20, path="/api/health"))
    simulation.tick(10)
    assert simulation.weights() == {"v1": 10_000}
    assert "backend v2 /api/health" in simulation.router.asked
    simulation.router.answers["backend v2 /api/health"] = (200, b"ok")
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED


def test_a_check_of_a_service_that_users_do_not_reach_is_not_answered_by_another() -> None:
    """The path belongs to somebody else at the front door, who is well."""
    strategy = Strategy(
        StrategyKind.BLUE_GREEN,
        blue_green_steps(CanaryStep(StepKind.CHECK, seconds=20, path="/api/health"), hold=False),
    )
    services = {"backend": replace(WEB, routes=("/",)), "inner": replace(WEB, routes=())}
    both = replace(policy({"backend": 1, "inner": 1}), strategy=strategy)
    simulation = Simulation(both, services).shipped("v1")
    simulation.router.answers["/api/health"] = (200, b"ok")
    simulation.router.answers["backend v2 /api/health"] = (200, b"ok")
    simulation.router.answers["inner v2 /api/health"] = (500, b"")
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert "inner: check: not right within 20 s: /api/health answered 500" in simulation.deployment.message


def test_an_answer_given_before_the_proxies_took_the_routing_counts_for_nothing() -> None:
    """By then it may be another version's."""
    simulation = blue_green(CanaryStep(StepKind.CHECK, seconds=20, path="/api/health"))
    simulation.router.answers["backend v2 /api/health"] = (200, b"ok")
    simulation.router.rejects = lambda r: "late" if "v2" in r.services["backend"].versions else ""
    simulation.router.rejected_seconds = 0.0
    simulation.tick(15)
    assert simulation.deployment.rollouts["backend"].step == 1


def test_a_check_that_is_not_right_in_time_ends_it_with_the_old_side_untouched() -> None:
    simulation = blue_green(CanaryStep(StepKind.CHECK, seconds=20, path="/api/health"))
    simulation.router.answers["backend v2 /api/health"] = (503, b"")
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert "check: not right within 20 s: /api/health answered 503" in simulation.deployment.message
    given = [
        v.weight
        for r in simulation.router.routings
        for v in [s.versions.get("v2") for s in r.services.values()]
        if v
    ]
    assert set(given) == {0}
    assert simulation.running() == {"v1": 3}


@pytest.mark.parametrize(("code", "phase"), [(0, Phase.SUCCEEDED), (1, Phase.FAILED)])
def test_a_check_may_be_a_command(code: int, phase: Phase) -> None:
    simulation = blue_green(CanaryStep(StepKind.CHECK, seconds=20, command=("smoke-test",)))
    simulation.workloads.behaviours["v2"] = Behaviour(migrates_for=3, migration_exit_code=code)
    simulation.settle()
    assert simulation.phase is phase
    assert simulation.workloads.started.count("backend.check-2-2") == 1
    if code:
        assert "backend.check-2-2 ended with exit code 1" in simulation.deployment.message


def test_a_version_that_the_front_door_does_not_show_after_the_switch_goes_back() -> None:
    simulation = blue_green()
    simulation.router.answers["/version"] = (200, b'{"version": "v1"}')
    simulation.until(lambda: simulation.weights() == {"v2": 10_000})
    simulation.until(lambda: simulation.phase is Phase.FAILED)
    assert set(simulation.weights()) == {"v1"}
    assert "/version does not name v2" in simulation.deployment.message


def test_blue_green_can_wait_for_a_person_before_the_switch() -> None:
    simulation = blue_green(hold=True)
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.tick(50)
    assert simulation.weights() == {"v1": 10_000}
    simulation.promote()
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
