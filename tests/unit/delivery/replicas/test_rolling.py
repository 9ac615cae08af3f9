"""Rolling replacement, at every pace, whatever readiness does."""

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from carelane.base.clock import ManualClock
from carelane.delivery import targets
from carelane.delivery.copies import Copies, Purpose
from carelane.delivery.decisions import commands, progress
from carelane.delivery.decisions.draft import Decision, Draft, Snapshot
from carelane.delivery.decisions.requests import Request
from carelane.delivery.deployments import Phase
from carelane.delivery.environments import EnvironmentState, ServiceState
from carelane.delivery.observations import Observation, ProcessPhase, RoutingSeen
from carelane.delivery.policies import Pace, Policy, RollbackPolicy
from carelane.delivery.replicas.controller import Replicas
from carelane.delivery.replicas.fleet import Crew, Fleet, Instance, Intent
from carelane.delivery.replicas.seen import EndpointSeen, InstanceSeen
from tests.fakes.backing import FakeBacking
from tests.fakes.fleets import InMemoryFleets
from tests.fakes.instances import NEVER_READY, Behaviour, FakeInstances
from tests.fakes.proxies import FakeProxies
from tests.fakes.releases import MADE_AT, release, version
from tests.fakes.simulation import Simulation, policy
from tests.fakes.trail import InMemoryTrail

V1, V2 = version("backend", "v1"), version("backend", "v2")
PACES: st.SearchStrategy[int | str] = st.sampled_from([0, 1, 2, 5, "0%", "25%", "50%", "100%"])


class Rolling:
    """A rolling deployment, decision by decision, with readiness given by the test."""

    def __init__(self, replicas: int, pace: Pace, *, keep_warm: int = 0) -> None:
        self.replicas = replicas
        self.unavailable, self.surge = pace.resolved(replicas)
        self.policy = Policy(
            {"backend": replicas}, pace, RollbackPolicy(keep_warm=keep_warm, progress_deadline_seconds=1e9)
        )
        old = tuple(
            Instance(f"backend-{n}", "backend", "v1", Intent.SERVE, MADE_AT) for n in range(1, replicas + 1)
        )
        service = ServiceState(
            stable="v1", home="v1", versions={"v1": V1}, copies={"v1": Copies(Purpose.SERVE)}
        )
        state = EnvironmentState("production", 5, {"backend": service}, "v1", 1)
        self.snapshot = Snapshot(state)
        trail = InMemoryTrail()
        fleets, self._instances = InMemoryFleets(trail), _Instances(self)
        fleets.keep(Fleet("production", replicas, {"backend": Crew(old)}, {"backend": {"v1": V1}}), ())
        self._replicas = Replicas(
            "production", self._instances, _Proxies(self), FakeBacking(), fleets, ManualClock(), _raised
        )
        wanted = Request(2, release("v2", {"backend": V2}), "alice", "")
        self._record(lambda draft: commands.request(draft, wanted), set())

    def step(self, unready: set[str]) -> None:
        """One tick, with all instances ready but the *unready*."""
        self._record(progress.tick, unready)

    def abort(self, unready: set[str]) -> None:
        self._record(lambda draft: commands.abort(draft, "alice", ""), unready)

    @property
    def serving(self) -> list[Instance]:
        return self._replicas.fleet.crew("backend").of_intent(Intent.SERVE)

    @property
    def phase(self) -> Phase | None:
        return self.snapshot.deployment.phase if self.snapshot.deployment else None

    def ready(self, unready: set[str]) -> int:
        """How many carry traffic."""
        return sum(i.id not in unready for i in self.serving if self._seen_before(i))

    def _seen_before(self, instance: Instance) -> bool:
        return instance.id in self.known

    def _record(self, rule: Callable[[Draft], None], unready: set[str]) -> None:
        # What is told to stop is gone at the next look.
        self.known = {i.id for i in self._replicas.fleet.instances if i.intent is not Intent.STOP}
        self.unready = unready
        routed = self._replicas.routed()
        draft = Draft(
            self.snapshot,
            self.policy,
            Observation(self._replicas.observe(), routing=routed),
            MADE_AT,
            MADE_AT,
        )
        rule(draft)
        decision = draft.decision()
        if decision is not None:
            self.snapshot = self._next(decision, draft)
        target = targets.target(self.snapshot.state, self.snapshot.deployment, self.policy, draft.seen)
        self._replicas.converge(target)

    def _next(self, decision: Decision, draft: Draft) -> Snapshot:
        active = draft.deployment if decision.state.deployment is not None else None
        return Snapshot(decision.state, active, draft.release if active else None)


class _Instances(FakeInstances):
    """Everything that is known runs, and what is told to stop is gone at once."""

    def __init__(self, rolling: Rolling) -> None:
        super().__init__()
        self._rolling = rolling

    def observe(self) -> dict[str, InstanceSeen]:
        return {name: InstanceSeen(ProcessPhase.RUNNING, port=1) for name in self._rolling.known}


class _Proxies(FakeProxies):
    """They take every routing, and hold ready what the test says."""

    def __init__(self, rolling: Rolling) -> None:
        super().__init__(lambda _: True)
        self._rolling = rolling

    def routed(self) -> RoutingSeen:
        return RoutingSeen(self._rolling.snapshot.state.generation)

    def observe(self) -> dict[str, EndpointSeen]:
        known, unready = self._rolling.known, self._rolling.unready
        return {name: EndpointSeen(name not in unready, 0, 60.0) for name in known}


def _raised(_: str, error: BaseException) -> None:
    raise error


@st.composite
def rollings(draw: st.DrawFn) -> Rolling:
    pace = Pace(draw(PACES), draw(PACES))
    return Rolling(draw(st.integers(1, 6)), pace, keep_warm=draw(st.integers(0, 1)))


FLIPS = st.lists(st.sets(st.integers(1, 24), max_size=12), max_size=25)


def names(numbers: set[int], above: int) -> set[str]:
    return {f"backend-{n}" for n in numbers if n > above}


@given(rollings(), FLIPS)
def test_a_service_is_never_below_its_promised_ready_instances(
    rolling: Rolling, flips: list[set[int]]
) -> None:
    floor = max(rolling.replicas - rolling.unavailable, 1 if rolling.surge else 0)
    for flipped in flips:
        unready = names(flipped, above=rolling.replicas)  # the old ones are well throughout
        before = rolling.ready(unready)
        rolling.step(unready)
        after = sum(i.id not in unready for i in rolling.serving if i.id in rolling.known)
        assert after >= min(before, floor)


@given(rollings(), FLIPS)
def test_no_decision_takes_traffic_from_ready_instances_below_the_promise_even_when_old_ones_fail(
    rolling: Rolling, flips: list[set[int]]
) -> None:
    floor = max(rolling.replicas - rolling.unavailable, 1 if rolling.surge else 0)
    for flipped in flips:
        unready = names(flipped, above=0)
        before = rolling.ready(unready)
        rolling.step(unready)
        after = sum(i.id not in unready for i in rolling.serving if i.id in rolling.known)
        assert after >= min(before, floor)


@given(rollings(), FLIPS)
def test_no_more_instances_serve_or_start_than_replicas_and_surge(
    rolling: Rolling, flips: list[set[int]]
) -> None:
    for flipped in flips:
        rolling.step(names(flipped, above=rolling.replicas))
        assert len(rolling.serving) <= rolling.replicas + rolling.surge


@given(rollings(), FLIPS)
def test_whatever_happened_a_release_that_becomes_ready_arrives(
    rolling: Rolling, flips: list[set[int]]
) -> None:
    for flipped in flips:
        rolling.step(names(flipped, above=rolling.replicas))
    for _ in range(3 * rolling.replicas + 5):
        rolling.step(set())
    assert rolling.phase is None
    assert [i.label for i in rolling.serving] == ["v2"] * rolling.replicas


@given(rollings(), FLIPS, st.integers(0, 24))
def test_an_abort_at_any_moment_keeps_the_promise_and_ends_with_the_old_version_whole(
    rolling: Rolling, flips: list[set[int]], at: int
) -> None:
    floor = max(rolling.replicas - rolling.unavailable, 1)
    for number, flipped in enumerate(flips):
        unready = names(flipped, above=rolling.replicas)
        before = rolling.ready(unready)
        if number == at and rolling.phase is not None:
            rolling.abort(unready)
        else:
            rolling.step(unready)
        after = sum(i.id not in unready for i in rolling.serving if i.id in rolling.known)
        assert after >= min(before, floor if rolling.surge else floor - rolling.unavailable)
    was_aborted = at < len(flips) and rolling.phase is not None
    for _ in range(3 * rolling.replicas + 5):
        rolling.step(set())
    labels = {i.label for i in rolling.serving}
    assert len(labels) == 1
    assert len(rolling.serving) == rolling.replicas
    if was_aborted and rolling.snapshot.state.revision == 1:
        assert labels == {"v1"}


def shapes(simulation: Simulation) -> list[tuple[int, int]]:
    """Old and new serving instances, at each tick until it has arrived; each shape once."""
    seen: list[tuple[int, int]] = []
    for _ in range(60):
        old = len(simulation.instances("v1", Intent.SERVE))
        new = len(simulation.instances("v2", Intent.SERVE))
        if not seen or seen[-1] != (old, new):
            seen.append((old, new))
        if simulation.settled():
            return seen
        simulation.tick()
    raise AssertionError(simulation.describe())


@pytest.mark.parametrize(
    ("pace", "replicas", "expected"),
    [
        (Pace(1, 1), 1, [(1, 0), (0, 1)]),
        (Pace(0, 1), 1, [(1, 0), (1, 1), (0, 1)]),
        (Pace(1, 0), 1, [(1, 0), (0, 1)]),
        (Pace(0, 1), 2, [(2, 0), (2, 1), (1, 1), (1, 2), (0, 2)]),
        (Pace(1, 0), 2, [(2, 0), (1, 1), (0, 2)]),
        (Pace("25%", "25%"), 4, [(4, 0), (3, 2), (1, 4), (0, 4)]),
    ],
)
def test_each_pace_has_its_own_steps(pace: Pace, replicas: int, expected: list[tuple[int, int]]) -> None:
    simulation = Simulation(policy(replicas, pace, keep_warm=0)).shipped("v1")
    simulation.release("v2")
    simulation.deploy("v2")
    steps = shapes(simulation)
    assert steps[0] == (replicas, 0)
    assert steps[-1] == (0, replicas)
    unavailable, surge = pace.resolved(replicas)
    assert all(old + new <= replicas + surge for old, new in steps)
    assert all(later[0] <= earlier[0] for earlier, later in pairwise(steps))
    if unavailable == 0:
        assert all(old + new >= replicas for old, new in steps)


def test_with_a_surge_the_only_instance_stays_until_its_successor_is_ready() -> None:
    simulation = Simulation(policy(1, Pace(1, 1), keep_warm=0)).shipped("v1")
    simulation.release("v2", NEVER_READY)
    simulation.deploy("v2")
    simulation.tick(20)
    assert simulation.weights() == {"v1": 1}
    assert len(simulation.instances("v1", Intent.SERVE)) == 1


def test_without_a_surge_an_old_instance_makes_room_first() -> None:
    simulation = Simulation(policy(2, Pace(1, 0), keep_warm=0)).shipped("v1")
    simulation.release("v2", NEVER_READY)
    simulation.deploy("v2")
    simulation.tick(20)
    assert simulation.weights() == {"v1": 1}
    assert len(simulation.instances("v2", Intent.SERVE)) == 1


@pytest.mark.parametrize("pace", [Pace(1, 1), Pace("25%", "25%"), Pace(0, 1), Pace(1, 0), Pace(2, 0)])
def test_a_bad_stable_does_not_block_its_own_fix(pace: Pace) -> None:
    simulation = Simulation(policy(3, pace)).shipped("v1")
    simulation.workloads.behaviours["v1"] = NEVER_READY
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED
    assert simulation.weights() == {"v2": 3}


@pytest.mark.parametrize("pace", [Pace(1, 1), Pace(1, 0)])
def test_one_bad_old_instance_does_not_block_its_own_fix(pace: Pace) -> None:
    simulation = Simulation(policy(3, pace)).shipped("v1")
    bad = simulation.instances("v1", Intent.SERVE)[0].id
    ready = simulation.workloads.ready
    simulation.router.ready = lambda name: name != bad and ready(name)
    simulation.release("v2")
    simulation.deploy("v2")
    simulation.settle()
    assert simulation.phase is Phase.SUCCEEDED


def test_with_keep_warm_old_instances_go_on_without_traffic() -> None:
    simulation = Simulation(policy(2)).shipped("v1", "v2")
    assert simulation.weights() == {"v2": 2}
    assert simulation.running() == {"v1": 2, "v2": 2}


def test_slow_starters_get_all_the_time_they_need_within_the_deadline() -> None:
    simulation = Simulation(policy(2, progress_deadline_seconds=60.0)).shipped("v1")
    simulation.release("v2", Behaviour(ready_after=40))
    simulation.deploy("v2")
    simulation.settle(200)
    assert simulation.phase is Phase.SUCCEEDED


def test_progress_of_one_instance_renews_the_deadline() -> None:
    """Three instances one after another, each within the deadline, all together beyond it."""
    simulation = Simulation(policy(3, Pace(0, 1), progress_deadline_seconds=50.0)).shipped("v1")
    simulation.release("v2", Behaviour(ready_after=40))
    simulation.deploy("v2")
    simulation.settle(300)
    assert simulation.phase is Phase.SUCCEEDED
    assert simulation.history[0].took_seconds > 100


def test_more_replicas_are_added_and_surplus_ones_drained_without_a_deployment() -> None:
    simulation = Simulation(policy(2)).shipped("v1")
    simulation.use(replace(simulation.engine.policy, replicas={"backend": 4}))
    simulation.tick(5)
    assert simulation.weights() == {"v1": 4}
    simulation.use(replace(simulation.engine.policy, replicas={"backend": 1}))
    simulation.tick(5)
    assert simulation.weights() == {"v1": 1}
    assert simulation.running() == {"v1": 1}
