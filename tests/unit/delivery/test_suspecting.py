"""Whose users get worse than before: by what is kept, of what is watched, while nothing moves."""

from dataclasses import replace
from datetime import timedelta

from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.traffic import Bucket, Counted
from carelane.delivery.environments import Watch
from carelane.delivery.suspecting import TrafficSuspecting
from tests.fakes.simulation import Simulation, policy
from tests.fakes.traffic import InMemoryTrafficStore

POLICY = AnalysisPolicy()
TEN = timedelta(seconds=10)


def watched() -> tuple[Simulation, InMemoryTrafficStore]:
    """v2 has succeeded after v1, which failed 0.3 % of its requests in the minutes before."""
    simulation = Simulation(policy(1)).shipped("v1", "v2")
    store = InMemoryTrafficStore()
    since = watch(simulation).since
    for number in range(1, 30):
        counts = {("backend", "v1"): Counted(1000, 3)}
        store.add("production", Bucket(since - number * TEN, 10.0, counts))
    return simulation, store


def watch(simulation: Simulation) -> Watch:
    found = simulation.state.service("backend").watch
    assert found is not None
    return found


def got(simulation: Simulation, store: InMemoryTrafficStore, label: str, errors: int) -> None:
    bucket = Bucket(watch(simulation).since + TEN, 10.0, {("backend", label): Counted(500, errors)})
    store.add("production", bucket)


def test_what_users_get_since_the_success_is_held_against_the_version_before() -> None:
    simulation, store = watched()
    got(simulation, store, "v2", 25)
    now = watch(simulation).since + 3 * TEN
    found = TrafficSuspecting(store).look(simulation.state, POLICY, now)
    assert found == {"backend": "25 of 500 requests (5 %) failed, before 0.3 %"}


def test_what_another_version_failed_is_not_held_against_it() -> None:
    simulation, store = watched()
    got(simulation, store, "v1", 250)
    now = watch(simulation).since + 3 * TEN
    assert TrafficSuspecting(store).look(simulation.state, POLICY, now) == {}


def test_after_a_comparison_only_what_comes_later_counts() -> None:
    simulation, store = watched()
    got(simulation, store, "v2", 25)
    later = watch(simulation).since + 2 * TEN
    service = simulation.state.service("backend")
    compared = replace(service, watch=replace(watch(simulation), counting_since=later))
    state = replace(simulation.state, services={"backend": compared})
    assert TrafficSuspecting(store).look(state, POLICY, later + TEN) == {}


def test_nobody_is_suspected_while_something_moves() -> None:
    simulation, store = watched()
    got(simulation, store, "v2", 25)
    now = watch(simulation).since + 3 * TEN
    suspecting = TrafficSuspecting(store)
    assert suspecting.look(simulation.state, POLICY, now)
    moving = replace(simulation.state, deployment=3)
    assert suspecting.look(moving, POLICY, now) == {}


def test_each_bucket_counts_once_however_often_one_looks() -> None:
    """Six errors of five hundred are not enough to suspect it once, nor looked at ten times."""
    simulation, store = watched()
    got(simulation, store, "v2", 6)
    suspecting = TrafficSuspecting(store)
    first = watch(simulation).since + 3 * TEN
    for look in range(10):
        assert suspecting.look(simulation.state, POLICY, first + look * TEN) == {}
    late = Bucket(first + 12 * TEN, 10.0, {("backend", "v2"): Counted(500, 60)})
    store.add("production", late)
    found = suspecting.look(simulation.state, POLICY, first + 14 * TEN)
    assert found == {"backend": "66 of 1,000 requests (6.6 %) failed, before 0.3 %"}
