"""What an earlier server left in the middle of something is taken over: nothing restarts, nobody is lost."""

import os
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.load import Load
from tests.systems import earlier
from tests.systems.fixtures import Make
from tests.systems.system import System, slow_to_start
from tests.waiting import until

COMMITS = {
    "before single instances left the record": "58175b7ac65312d954cf7f6d342212e88b2a4ab9",
    "before the proxies' stream": "020a5e86d7e24dd039fee724db14a9ddb3002027",
}
SLOWLY = slow_to_start(3)
HELD = {"use": "canary", "canary": {"steps": [{"weight": 50}, {"pause": {}}]}}
BAKED = {"use": "canary", "canary": {"steps": [{"weight": 50}, {"pause": {"seconds": 8}}]}}


def at_rest(system: System) -> None:
    system.deploy("v2")


def in_a_canary(system: System) -> None:
    system.must("deploy", "production", "--release", "v2")
    until(lambda: system.service()["canary_percent"] == 50, 20, "half of the users have v2")


def in_a_pause(system: System) -> None:
    system.must("deploy", "production", "--release", "v2")
    system.until_phase("Paused")


def in_a_replacement(system: System) -> None:
    system.must("deploy", "production", "--release", "v2")
    until(lambda: _ready(system, "v2"), 20, "some of v2 have come")


def turning_back(system: System) -> None:
    in_a_replacement(system)
    system.must("rollout", "abort", "production", "--reason", "wrong release")
    assert system.last_deployment()["phase"] == "Aborting"


@dataclass(frozen=True)
class Situation:
    """How an earlier server is left, and what its successor is to come to."""

    leave: Callable[[System], None]
    phase: str
    stable: str
    settings: dict[str, Any] = field(default_factory=dict)
    slow: str = ""
    """The version that takes its time to start."""


SITUATIONS = (
    Situation(at_rest, "Succeeded", "v2"),
    Situation(in_a_canary, "Succeeded", "v2", {"strategy": BAKED}),
    Situation(in_a_pause, "Paused", "v1", {"strategy": HELD}),
    Situation(in_a_replacement, "Succeeded", "v2", {"replicas": 3}, "v2"),
    Situation(turning_back, "Failed", "v1", {"replicas": 3, "rollback": {"keep_warm": 0}}, "v1 v2"),
)


@pytest.mark.timeout(240)
@pytest.mark.parametrize("situation", SITUATIONS, ids=lambda s: s.leave.__name__)
@pytest.mark.parametrize("commit", COMMITS.values(), ids=COMMITS)
def test_a_server_of_today_goes_on_where_an_earlier_one_was_killed(
    make_system: Make, commit: str, situation: Situation
) -> None:
    if not earlier.is_there(commit):
        pytest.skip(f"NOT RUN: this clone has no commit {commit[:7]}")
    system = make_system(up=False, **situation.settings)
    today, system.carelane = system.carelane, earlier.carelane(commit)
    system.up()
    for tag in ("v1", "v2"):
        if tag in situation.slow.split():
            system.release(tag, run=SLOWLY)
        else:
            system.release(tag)
    system.deploy("v1")
    situation.leave(system)
    before = _pids(system)
    with Load(system.port, rate=50.0, connections=8) as load:
        until(lambda: len(load.answers) >= 20, 10, "users come")
        os.kill(system.server_pid(), signal.SIGKILL)
        system.carelane = today
        system.up()
        system.until_phase(situation.phase, 60)
        until(lambda: system.service()["stable"] == situation.stable, 30, f"{situation.stable} is stable")
        system.until_calm(60)
        after = _pids(system)
        _go_on(load, 100)
    assert [answer for answer in load.answers if answer.lost] == []
    assert {name: after[name] for name in before if name in after} == {
        name: pid for name, pid in before.items() if name in after
    }, "nothing was restarted"
    if situation.phase == "Paused":
        assert set(after) == set(before)
        system.must("rollout", "promote", "production", "--reason", "it is good", "--full")
        system.until_phase("Succeeded")
    assert system.service()["ready"] == system.replicas


def _go_on(load: Load, requests: int) -> None:
    wanted = len(load.answers) + requests
    until(lambda: len(load.answers) >= wanted, 30, f"{requests} more requests")


def _ready(system: System, label: str) -> int:
    return sum(i["ready"] for i in system.service()["instances"] if i["label"] == label)


def _pids(system: System) -> dict[str, int]:
    """The process of each instance, as either server tells it."""
    shown = system.service()["instances"]
    told = {i["id"]: i["pid"] if "pid" in i else _pid(i["place"]) for i in shown}
    return {name: pid for name, pid in told.items() if pid is not None}


def _pid(place: str | None) -> int | None:
    word, _, number = (place or "").partition(",")[0].partition(" ")
    return int(number) if word == "pid" else None
