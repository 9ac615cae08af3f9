"""What somebody may still need, and what happens to the rest."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from carelane.delivery.deployments import Kind, Revision
from carelane.delivery.housekeeping import EVERY_SECONDS, FIRST_SECONDS, Housekeeping
from carelane.delivery.releases import Artifact, Release
from carelane.delivery.retention import Environment, Retention, gone_back_to, kept
from tests.fakes.releases import MADE_AT, release, version
from tests.fakes.shelves import FakeShelf
from tests.fakes.simulation import PRODUCTION, Simulation, policy

NOW = MADE_AT + timedelta(days=100)


def made(name: str, days_ago: float = 100) -> Release:
    at = NOW - timedelta(days=days_ago)
    return replace(release(name, {"backend": version("backend", name)}), created_at=at)


def artifact(name: str) -> Artifact:
    return version("backend", name).artifact


def revision(number: int, name: str, undone_by: int | None = None) -> Revision:
    return Revision(PRODUCTION, number, number, name, "alice", "", Kind.DEPLOY, MADE_AT, 1.0, undone_by)


def needed(
    retention: Retention,
    releases: list[Release],
    *environments: Environment,
    by_name: Mapping[str, Release] | None = None,
) -> set[Artifact]:
    return set(kept(retention, environments, releases, (by_name or {}).get, NOW).artifacts)


def test_the_newest_by_number_and_the_young_by_age() -> None:
    releases = [made("v5", 50), made("v4", 60), made("v3", 1), made("v2", 70)]
    assert needed(Retention(releases=1, days=10), releases) == {artifact("v5"), artifact("v3")}


def test_what_an_environment_has_of_its_own_is_kept_with_its_release() -> None:
    own = replace(version("backend", "own"), label="v1")
    odd = replace(made("v1"), by_environment={PRODUCTION: {"backend": own}})
    assert needed(Retention(releases=1), [odd]) == {artifact("v1"), artifact("own")}


def test_what_an_environment_runs_or_can_go_back_to_is_kept_however_old() -> None:
    revisions = [revision(4, "v4"), revision(3, "v3", 9), revision(2, "v2"), revision(1, "v1")]
    by_name = {f"v{n}": made(f"v{n}") for n in range(1, 5)}
    here = Environment(PRODUCTION, [version("backend", "warm")], revisions, revision_history=1)
    named = [r.name for r in gone_back_to(here, by_name.get)]
    assert named == ["v4", "v3", "v2"], "two by name, and two that stand"
    found = needed(Retention(releases=1), [made("v9")], here, by_name=by_name)
    assert found == {artifact(name) for name in ("v9", "warm", "v4", "v3", "v2")}


def test_releases_that_change_nothing_do_not_push_out_what_an_emergency_goes_back_to() -> None:
    documentation = {f"d{n}": replace(made("v2"), name=f"d{n}") for n in range(6)}
    by_name = {"v1": made("v1"), "v2": made("v2"), **documentation}
    names = [*documentation, "v2", "v1"]
    revisions = [revision(len(names) - place, name) for place, name in enumerate(names)]
    here = Environment(PRODUCTION, [], revisions, revision_history=1)
    assert artifact("v1") in needed(Retention(releases=1), [made("v9")], here, by_name=by_name)


# -- housekeeping


class Bench:
    """An environment that was shipped to, and one shelf beside it."""

    def __init__(self) -> None:
        self.simulation = Simulation(policy(1, keep_warm=1, revision_history=2))
        self.simulation.shipped("v1", "v2", "v3", "v4", "v5")
        old = self.simulation.clock.wall() - timedelta(days=31)
        self.shelf = FakeShelf({"old1": old, "old2": old, "young": self.simulation.clock.wall()})
        self.reported: list[BaseException] = []
        world = self.simulation
        self.housekeeping = Housekeeping(
            world.repository,
            world.fleets,
            [self.shelf],
            lambda: Retention(releases=1, days=30),
            lambda: {PRODUCTION: 2},
            world.clock,
            lambda _, error: self.reported.append(error),
        )


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_looking_removes_nothing_and_pruning_says_so_in_the_trail(bench: Bench) -> None:
    assert [s.name for s in bench.housekeeping.spare()] == ["old1", "old2"]
    assert len(bench.shelf.things) == 3
    assert [s.name for s in bench.housekeeping.prune("alice", "tidy")] == ["old1", "old2"]
    assert list(bench.shelf.things) == ["young"]
    (entry,) = [p.entry for p in bench.simulation.trail.after(0) if p.entry.act == "retention.pruned"]
    assert (entry.actor, entry.reason, entry.subject) == ("alice", "tidy", "2 things")
    assert entry.details == {"bytes": 20, "thing": 2}
    assert bench.housekeeping.prune("alice", "again") == []
    acts = [p.entry.act for p in bench.simulation.trail.after(0)]
    assert acts.count("retention.pruned") == 1, "nothing, no entry"


def test_what_cannot_be_removed_is_reported_and_keeps_nothing_else(bench: Bench) -> None:
    bench.shelf.stuck.add("old1")
    assert [s.name for s in bench.housekeeping.prune("alice", "")] == ["old2"]
    assert [str(error) for error in bench.reported] == ["old1 is stuck"]


def test_what_the_environment_has_warm_runs_or_can_go_back_to_is_needed(bench: Bench) -> None:
    bench.simulation.release("v6")
    bench.simulation.clock.advance(timedelta(days=40).total_seconds())
    bench.simulation.settle()
    bench.housekeeping.spare()
    found = bench.shelf.looked[-1].artifacts
    releases = bench.simulation.repository.releases(10)
    kept_ones = {r.name for r in releases if r.versions["backend"].artifact in found}
    assert kept_ones == {"v3", "v4", "v5", "v6"}


def test_what_is_on_its_way_is_needed(bench: Bench) -> None:
    world = bench.simulation
    world.release("v6")
    world.release("v7")
    world.clock.advance(timedelta(days=40).total_seconds())
    world.deploy("v6")
    bench.housekeeping.spare()
    wanted = world.repository.release_named("v6").versions["backend"].artifact
    assert wanted in bench.shelf.looked[-1].artifacts


def test_it_is_done_each_hour_but_not_right_after_the_start(bench: Bench) -> None:
    assert bench.housekeeping.step() == FIRST_SECONDS
    assert len(bench.shelf.things) == 3
    assert bench.housekeeping.step() == EVERY_SECONDS
    assert list(bench.shelf.things) == ["young"]
    entry = [p.entry for p in bench.simulation.trail.after(0)][-1]
    assert (entry.act, entry.actor) == ("retention.pruned", "carelane")
