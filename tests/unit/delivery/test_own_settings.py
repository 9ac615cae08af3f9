"""A release is the same artifacts everywhere, and each environment's own settings of them."""

from collections.abc import Callable
from dataclasses import replace

import pytest

from carelane.audit.entries import Entry
from carelane.base.clock import ManualClock
from carelane.base.errors import ConflictError
from carelane.delivery.deployments import Phase
from carelane.delivery.packing import Packing, ServiceSource, SourceTree
from carelane.delivery.releases import Artifact, Release, RunConfiguration
from carelane.delivery.releasing import Releasing
from tests.fakes.releases import MADE_AT, WEB, digest, release
from tests.fakes.repository import InMemoryRepository
from tests.fakes.simulation import PRODUCTION, Simulation
from tests.fakes.trail import InMemoryTrail

LOUD = replace(WEB, environment={"LEVEL": "debug"})
QUIET = replace(WEB, environment={"LEVEL": "info"})


class Commits:
    """Each commit's one service: its content, and how it runs by environment."""

    def __init__(self) -> None:
        self.known: dict[str, tuple[str, dict[str, RunConfiguration]]] = {}

    def tree(self, revision: str) -> SourceTree:
        content, runs = self.known[revision]
        source = ServiceSource((content,), None, LOUD, runs)
        return SourceTree(
            digest(revision)[:40],
            revision,
            {"backend": source},
            irreversible=False,
            environments=("development", PRODUCTION),
        )

    def pack(self, sha: str, source: ServiceSource, packing: Packing) -> Artifact:
        return Artifact(digest(source.paths[0]))


class Bench:
    def __init__(self) -> None:
        self.commits = Commits()
        self.releasing = Releasing(self.commits, InMemoryRepository(InMemoryTrail()), ManualClock())

    def made(self, name: str, content: str = "same", **runs: RunConfiguration) -> Release:
        self.commits.known[name] = (content, runs)
        return self.releasing.create(name, None, "alice").release


def labels(release: Release) -> tuple[str, str]:
    """In development and in production."""
    there = (release.within(environment).versions["backend"] for environment in ("development", PRODUCTION))
    return tuple(v.label for v in there)  # type: ignore[return-value]


def test_the_artifacts_are_the_same_and_the_settings_each_environments() -> None:
    made = Bench().made("v1", production=QUIET)
    there = made.within(PRODUCTION).versions["backend"]
    assert made.versions["backend"].run == made.within("development").versions["backend"].run == LOUD
    assert (there.run, there.artifact) == (QUIET, made.versions["backend"].artifact)
    assert made.within(PRODUCTION).within(PRODUCTION) == made.within(PRODUCTION)


def test_settings_that_change_in_one_environment_are_a_new_version_there_and_nowhere_else() -> None:
    bench = Bench()
    assert labels(bench.made("v1")) == ("v1", "v1")
    assert labels(bench.made("v2", production=QUIET)) == ("v1", "v2")
    assert labels(bench.made("v3", production=QUIET)) == ("v1", "v2")
    assert labels(bench.made("v4", content="other", production=QUIET)) == ("v4", "v4")
    assert labels(bench.made("v5")) == ("v1", "v1"), "what comes back has its first label"


def test_an_environment_without_settings_of_its_own_that_had_some_gets_the_usual_ones_anew() -> None:
    bench = Bench()
    bench.made("v1", production=QUIET)
    second = bench.made("v2")
    assert labels(second) == ("v1", "v2"), "v1 is another one in production"
    assert second.within(PRODUCTION).versions["backend"].run == LOUD


# -- in an environment


def simulation() -> Simulation:
    """v1 runs; v2 is the same code with settings of production's own."""
    simulation = Simulation().shipped("v1")
    usual = simulation.repository.release_named("v1").versions["backend"]
    own = replace(usual, label="v2", run=QUIET)
    made = replace(release("v2", {"backend": usual}), by_environment={PRODUCTION: {"backend": own}})
    simulation.repository.add_release(made, Entry(MADE_AT, "alice", "release.created", "v2"))
    return simulation


def running(simulation: Simulation) -> tuple[str | None, RunConfiguration]:
    state = simulation.state.service("backend")
    return state.stable, state.versions[state.stable or ""].run


def test_what_is_deployed_is_what_the_release_is_there() -> None:
    world = simulation()
    plan = world.operations.plan(PRODUCTION, "v2").deployment
    assert plan is not None
    assert plan.rollouts["backend"].to_label == "v2"
    world.deploy("v2")
    world.settle()
    assert running(world) == ("v2", QUIET)
    with pytest.raises(ConflictError, match="already"):
        world.rollback(to_revision=2)


@pytest.mark.parametrize("back", [Simulation.rollback, Simulation.emergency])
def test_going_back_brings_the_settings_of_before(back: Callable[[Simulation], object]) -> None:
    world = simulation()
    world.deploy("v2")
    world.settle()
    back(world)
    world.settle()
    assert running(world) == ("v1", WEB)
    world.release("v3")
    world.deploy("v3")
    world.settle()
    world.operations.rollback(PRODUCTION, 2, "alice", "again")
    world.settle()
    assert (world.state.release, running(world)) == ("v2", ("v2", QUIET)), "to a revision of its own settings"


def test_what_failed_is_retried_as_it_is_there() -> None:
    world = simulation()
    world.deploy("v2")
    world.operations.abort(PRODUCTION, "alice", "")
    world.settle()
    world.operations.retry(PRODUCTION, "alice")
    world.settle()
    assert world.phase is Phase.SUCCEEDED
    assert running(world) == ("v2", QUIET)


def test_a_release_that_only_another_environment_has_otherwise_changes_nothing_here() -> None:
    world = Simulation().shipped("v1")
    usual = world.repository.release_named("v1").versions["backend"]
    other = {"development": {"backend": replace(usual, label="v2", run=QUIET)}}
    made = replace(release("v2", {"backend": usual}), by_environment=other)
    world.repository.add_release(made, Entry(MADE_AT, "alice", "release.created", "v2"))
    world.deploy("v2")
    world.settle()
    assert running(world) == ("v1", WEB)
