"""Records that several threads of a localhub make and change at once: nothing is lost, nothing made twice."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import TypeVar

import pytest

from localhub.bootstrap.localhub import built
from localhub.hub.parts import Localhub
from localhub.hub.settings import Settings
from localhub.store.records import DeploymentStatus, HubDeployment

NAME = "acme/app"
AT = datetime(2026, 5, 4, 9, tzinfo=UTC)
THREADS = 6
ROUNDS = 40

Made = TypeVar("Made")


@pytest.fixture
def hub(tmp_path: Path) -> Localhub:
    """A localhub that has not been started, with one repository."""
    made = built(Settings(tmp_path, sandbox="none"))
    made.create_repository(NAME)
    return made


@pytest.fixture
def at_once() -> Iterator[Callable[[Callable[[int], Made]], list[Made]]]:
    """Calls a function with 0, 1, ... in threads that begin together."""
    barrier = Barrier(THREADS, timeout=30)
    with ThreadPoolExecutor(THREADS) as threads:

        def calls(function: Callable[[int], Made]) -> list[Made]:
            def begun(number: int) -> Made:
                barrier.wait()
                return function(number)

            return list(threads.map(begun, range(THREADS)))

        yield calls


def test_a_workflow_file_that_all_meet_first_is_one(hub: Localhub, at_once: Callable[..., list[int]]) -> None:
    """As a push's watcher and the API do, when `gh workflow run` follows the push at once."""
    for round_ in range(ROUNDS):
        path = f".github/workflows/{round_}.yml"
        numbers = at_once(lambda _, path=path: hub.repositories.known(NAME, path, "CI", AT).id)
        assert len(set(numbers)) == 1
    assert len(hub.repositories.workflows(NAME)) == ROUNDS


def test_a_repository_that_all_make_is_one(hub: Localhub, at_once: Callable[..., list[int]]) -> None:
    assert len(set(at_once(lambda _: hub.create_repository("acme/other").id))) == 1


def test_rules_of_an_environment_outlive_a_job_that_names_it_at_the_same_time(
    hub: Localhub, at_once: Callable[..., list[object]]
) -> None:
    for round_ in range(ROUNDS):
        name = f"production-{round_}"
        rules = {0: {"reviewers": ["alice"]}, 1: {"branches": ["main"]}, 2: {"prevent_self_review": True}}
        at_once(
            lambda number, name=name, rules=rules: hub.set_environment(NAME, name, **rules.get(number, {}))
        )
        found = hub.environments.get(NAME, name)
        assert found is not None
        assert (found.reviewers, found.branches, found.prevent_self_review) == (("alice",), ("main",), True)


def test_every_word_on_a_deployment_is_kept(hub: Localhub, at_once: Callable[..., list[object]]) -> None:
    hub.deployments.save(HubDeployment(1, NAME, "production", "a" * 40, "main", "ada", AT))

    def say(number: int) -> None:
        for each in range(ROUNDS):
            status = DeploymentStatus(number * ROUNDS + each, "in_progress", AT, "ada")

            def with_it(now: HubDeployment | None, status: DeploymentStatus = status) -> HubDeployment:
                assert now is not None
                return now.followed_by(status)

            hub.deployments.changed(NAME, "1", with_it)

    at_once(say)
    found = hub.deployments.get(NAME, "1")
    assert found is not None
    assert sorted(status.id for status in found.statuses) == list(range(THREADS * ROUNDS))
