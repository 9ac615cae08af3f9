"""Releases that fail after they were called good: noticed by nobody, and undone all the same."""

import json
from collections.abc import Callable

import pytest

from tests.load import Load
from tests.systems.system import System
from tests.waiting import until

Make = Callable[..., System]


def last(system: System) -> dict[str, str]:
    found: dict[str, str] = system.last_deployment()
    return found


@pytest.mark.parametrize("strategy", ["rolling", "blue-green"])
def test_what_is_ready_for_three_seconds_and_then_ends_is_not_called_good_by_default(
    make_system: Make, strategy: str
) -> None:
    """cases.md A, moby PR 42875."""
    system = make_system(strategy={"use": strategy, "rolling": {"min_ready_seconds": 5}})
    system.shipped("v1")
    system.release("v2", "ends:3")
    ran = system.deploy("v2", expect=10)
    assert "crash loop" in ran.err
    assert system.environment()["release"] == "v1"


def test_without_a_minimum_time_ready_it_is_undone_once_it_crash_loops(system: System) -> None:
    system.shipped("v1")
    system.release("v2", "ends:3")
    system.deploy("v2")
    until(lambda: system.environment()["release"] == "v1", 60, "v1 is back by itself")
    assert last(system)["author"] == "carelane"
    assert last(system)["reason"].startswith("late: web: crash loop")
    until(lambda: not system.instances("v2"), 20, "v2 is gone")
    (incident,) = system.run("incidents", "list", "--output", "json").json()
    assert (incident["cause"], incident["version"], incident["resolved_by"]) == ("crash_loop", "v2", 3)


def test_a_version_whose_users_get_worse_is_compared_with_the_one_before_and_undone(system: System) -> None:
    with Load(system.port, rate=100):
        system.shipped("v1")
        until(lambda: requests(system) > 50, 30, "traffic is counted")
        system.release("v2", "spoils:3")
        system.deploy("v2")
        until(lambda: last(system)["kind"] == "rollback", 90, "a suspicion is looked into")
        until(lambda: system.environment()["release"] == "v1", 60, "v1 is shown to be better")
    assert "suspected" in last(system)["reason"]
    acts = [json.loads(line)["entry"]["act"] for line in system.must("events", "-o", "json").splitlines()]
    assert "analysis.confirmed" in acts


def requests(system: System) -> float:
    rate: float | None = system.service()["requests_per_second"]
    return rate or 0.0
