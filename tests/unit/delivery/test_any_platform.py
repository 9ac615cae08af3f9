"""One text for every kind of platform: one whose copies we keep, and one that keeps its own, as it likes."""

from dataclasses import replace

import pytest

from carelane.delivery.deployments import Phase, RolloutPhase
from carelane.delivery.policies import Pace, Policy
from carelane.delivery.strategies import DEFAULTS, CanaryStep, StepKind, Strategy, StrategyKind
from tests.fakes.clusters import OnCluster
from tests.fakes.releases import WEB, WORKER
from tests.fakes.simulation import Simulation, policy
from tests.fakes.toy import Toy

HALF = Strategy(StrategyKind.CANARY, (CanaryStep(StepKind.WEIGHT, 50), CanaryStep(StepKind.PAUSE)))


class OnAny(Simulation):
    """One environment, wherever it runs."""

    def never_ready(self, label: str) -> None:
        """From now on no copy of *label* is fit for traffic."""
        raise NotImplementedError


class OnToy(OnAny):
    """The same engine over a platform that keeps its own copies."""

    def use(self, policy: Policy) -> None:
        if not hasattr(self, "toy"):
            self.toy = Toy(self.clock)
        self._begin(policy, self.toy, self.toy)

    def settled(self) -> bool:
        at_rest = {name: set(state.copies) for name, state in self.state.services.items()}
        return self.state.deployment is None and all(
            set(self.toy.running(name)) == labels for name, labels in at_rest.items()
        )

    def weights(self, service: str = "backend") -> dict[str, int]:
        return self.toy.weights.get(service, {})

    def running(self, service: str = "backend") -> dict[str, int]:
        return dict(self.toy.running(service))

    def describe(self) -> str:
        return f"{self.deployment.phase} ({self.deployment.message}), {self.toy.pods}, {self.toy.weights}"

    def never_ready(self, label: str) -> None:
        self.toy.ready_after[label] = None


class OnKubernetes(OnCluster, OnAny):
    """The same engine over Deployments in three slots, on a cluster in memory."""

    def never_ready(self, label: str) -> None:
        self.cluster.ready_after[label] = None


class OnReplicas(OnAny):
    """The engine over single processes and proxies."""

    def never_ready(self, label: str) -> None:
        ready = self.router.ready
        self.router.ready = lambda name: ready(name) and self.workloads.processes[name].version.label != label


Platform = type[OnAny]


@pytest.fixture(params=[OnReplicas, OnToy, OnKubernetes])
def platform(request: pytest.FixtureRequest) -> Platform:
    made: Platform = request.param
    return made


def with_users(simulation: Simulation) -> set[str]:
    return set(simulation.weights())


@pytest.mark.parametrize("pace", [Pace(0, 1), Pace(1, 0), Pace(1, 1)])
def test_a_rolling_replacement_arrives_and_somebody_answers_all_the_time(
    platform: Platform, pace: Pace
) -> None:
    simulation = platform(policy(3, pace)).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    while not simulation.deployment.ended:
        simulation.tick()
        assert with_users(simulation) <= {"v1", "v2"}
        assert with_users(simulation)
    simulation.settle()
    assert (simulation.phase, with_users(simulation)) == (Phase.SUCCEEDED, {"v2"})
    assert simulation.running() == {"v1": 3, "v2": 3}, "the old version is kept warm"


def test_a_rolling_replacement_that_never_gets_ready_is_undone(platform: Platform) -> None:
    simulation = platform(policy(2, progress_deadline_seconds=20.0)).shipped("v1")
    simulation.never_ready("v2")
    simulation.release("v2")
    simulation.deploy("v2")
    while not simulation.deployment.ended:
        simulation.tick()
        assert with_users(simulation) == {"v1"}
    simulation.settle()
    assert simulation.phase is Phase.FAILED
    assert simulation.running() == {"v1": 2}


def test_a_canary_gets_its_share_and_then_all(platform: Platform) -> None:
    simulation = platform(replace(policy(4), strategy=HALF)).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    assert simulation.weights() == {"v1": 5000, "v2": 5000}
    assert simulation.running() == {"v1": 4, "v2": 2}
    simulation.promote()
    simulation.settle()
    assert (simulation.phase, with_users(simulation)) == (Phase.SUCCEEDED, {"v2"})
    assert simulation.state.service("backend").home == "v2"


def test_at_an_abort_of_a_canary_all_users_leave_at_once(platform: Platform) -> None:
    simulation = platform(replace(policy(4), strategy=HALF)).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.until(lambda: simulation.phase is Phase.PAUSED)
    simulation.abort()
    assert with_users(simulation) == {"v1"}
    simulation.settle()
    assert simulation.running() == {"v1": 4}


def test_blue_green_switches_everybody_at_once(platform: Platform) -> None:
    simulation = platform(replace(policy(2), strategy=DEFAULTS[StrategyKind.BLUE_GREEN])).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    while not simulation.deployment.ended:
        simulation.tick()
        assert len(with_users(simulation)) == 1
    simulation.settle()
    assert (simulation.phase, with_users(simulation)) == (Phase.SUCCEEDED, {"v2"})


@pytest.mark.parametrize("keep_warm", [0, 1])
def test_a_rollback_by_hand_puts_the_version_before_back(platform: Platform, keep_warm: int) -> None:
    simulation = platform(policy(2, keep_warm=keep_warm)).shipped("v1", "v2")
    simulation.rollback()
    while not simulation.deployment.ended:
        simulation.tick()
        assert with_users(simulation)
    simulation.settle()
    assert (simulation.phase, with_users(simulation)) == (Phase.SUCCEEDED, {"v1"})
    assert simulation.running() == {"v1": 2}


def test_an_emergency_to_what_is_warm_is_one_change(platform: Platform) -> None:
    simulation = platform(policy(2)).shipped("v1", "v2")
    simulation.emergency()
    assert with_users(simulation) == {"v1"}
    simulation.settle()
    assert (simulation.phase, simulation.running()) == (Phase.SUCCEEDED, {"v1": 2})


def test_an_emergency_to_what_has_to_be_started_follows_what_gets_ready(platform: Platform) -> None:
    simulation = platform(policy(2, keep_warm=0)).shipped("v1", "v2")
    simulation.emergency()
    assert with_users(simulation) == {"v2"}
    while not simulation.deployment.ended:
        simulation.tick()
        assert with_users(simulation)
    simulation.settle()
    assert (simulation.phase, with_users(simulation)) == (Phase.SUCCEEDED, {"v1"})


def test_a_version_that_gets_worse_late_is_undone_by_itself(platform: Platform) -> None:
    simulation = platform(policy(2)).shipped("v1", "v2")
    simulation.never_ready("v2")
    simulation.until(lambda: simulation.deployment.author == "carelane", 40)
    simulation.settle()
    assert (simulation.phase, with_users(simulation)) == (Phase.SUCCEEDED, {"v1"})


def test_a_worker_is_replaced_and_never_two_versions_work(platform: Platform) -> None:
    simulation = platform(policy({"jobs": 1}), {"jobs": WORKER}).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    while not simulation.deployment.ended:
        simulation.tick()
        assert len(simulation.running("jobs")) <= 1
    assert (simulation.phase, simulation.running("jobs")) == (Phase.SUCCEEDED, {"v2": 1})


# -- the lasting place


def settling() -> OnToy:
    """v2 has all the users, and its platform has not given it the lasting place yet."""
    simulation = OnToy(replace(policy(2), strategy=DEFAULTS[StrategyKind.BLUE_GREEN]), {"backend": WEB})
    simulation.shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.until(lambda: simulation.deployment.rollouts["backend"].phase is RolloutPhase.SETTLING)
    return simulation


def test_where_the_lasting_place_takes_time_it_is_waited_for_before_anything_is_called_done() -> None:
    simulation = settling()
    assert (simulation.phase, with_users(simulation)) == (Phase.PROGRESSING, {"v2"})
    assert simulation.state.service("backend").stable == "v1"
    simulation.settle()
    assert (simulation.phase, simulation.state.service("backend").stable) == (Phase.SUCCEEDED, "v2")
    assert "rollout.settling" in simulation.acts()


def test_a_settle_that_takes_too_long_asks_a_person_and_turns_nobody_away() -> None:
    simulation = settling()
    simulation.toy.stuck = True
    simulation.tick(700)
    assert (simulation.phase, with_users(simulation)) == (Phase.PAUSED, {"v2"})
    assert "backend has its users and does not come to its place" in simulation.deployment.message
    simulation.tick(1, seconds=100_000.0)
    assert (simulation.phase, with_users(simulation)) == (Phase.PAUSED, {"v2"}), "it is asked again"
    simulation.toy.stuck = False
    simulation.resume()
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED


def test_what_fails_while_it_settles_is_undone() -> None:
    simulation = settling()
    simulation.toy.stuck = True
    simulation.never_ready("v2")
    simulation.until(lambda: simulation.deployment.ended, 60)
    simulation.settle()
    assert (simulation.phase, with_users(simulation)) == (Phase.FAILED, {"v1"})


def test_an_emergency_does_not_wait_for_a_version_to_settle() -> None:
    simulation = settling()
    simulation.toy.stuck = True
    simulation.emergency()
    assert with_users(simulation) == {"v1"}
    simulation.toy.stuck = False
    simulation.settle()
    assert (simulation.phase, simulation.running()) == (Phase.SUCCEEDED, {"v1": 2})
