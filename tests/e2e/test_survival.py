"""kill -9 of every part, under load, while something moves: users lose only what was in flight in it."""

import json
import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.load import Answer, Load, summary
from tests.systems.system import System
from tests.waiting import until

Make = Callable[..., System]
PROXIES = ("proxy-1", "proxy-2")


def shim_of(folder: Path) -> dict[str, int]:
    """The pids of a shim and of its process."""
    status = json.loads((folder / "status.json").read_text())
    return {"shim": status["shim"]["pid"], "child": status["child"]["pid"]}


def environment_folder(system: System) -> Path:
    return system.folder / ".carelane" / "environments" / "production"


def lost_beyond(answers: list[Answer], killed_at: float | None) -> list[Answer]:
    """What was lost and was not under way at the moment of the kill."""
    return [
        a
        for a in answers
        if a.lost and not (killed_at is not None and a.sent <= killed_at + 0.05 <= a.ended + 0.1)
    ]


def kill(pid: int) -> float:
    """Kill one process that this test started; the moment it was done."""
    import time

    os.kill(pid, signal.SIGKILL)
    return time.monotonic()


def victim(system: System, which: str) -> int:
    """The pid of the part to kill: of the version that is coming, where it is an instance's."""
    if which == "server":
        return system.server_pid()
    root = environment_folder(system)
    if which == "envoy":
        return shim_of(root / "proxies" / "proxy-1")["child"]
    name = next(i["id"] for i in system.instances("v2") if i["phase"] == "running")
    return shim_of(root / "instances" / name)["shim" if which == "shim" else "child"]


@pytest.mark.parametrize("which", ["server", "envoy", "shim", "instance"])
def test_killed_in_a_rolling_replacement_it_comes_back_and_the_release_arrives(
    make_system: Make, which: str
) -> None:
    system = make_system(replicas=2)
    system.shipped("v1")
    system.release("v2")
    with Load(system.port, rate=100) as load:
        system.must("deploy", "production", "--release", "v2")
        until(lambda: any(i["phase"] == "running" for i in system.instances("v2")), 10, "v2 runs")
        killed_at = kill(victim(system, which))
        if which == "server":
            until(
                lambda: len(load.answers) > 0 and load.answers[-1].sent > killed_at + 0.5,
                10,
                "traffic goes on",
            )
            system.up()
        system.until_phase("Succeeded")
    assert lost_beyond(load.answers, killed_at) == [], summary(load.answers)
    until(lambda: system.service()["ready"] == 2, 20, "both instances are ready")
    assert system.service()["stable"] == "v2"
    assert len([i for i in system.instances("v2") if i["intent"] == "serve"]) == 2


@pytest.mark.parametrize("which", ["server", "envoy", "shim", "instance"])
def test_killed_in_a_rollback_the_old_version_is_back_all_the_same(make_system: Make, which: str) -> None:
    system = make_system(replicas=2)
    system.shipped("v1", "v2")
    with Load(system.port, rate=100) as load:
        pid = victim(system, which)
        asked = threading.Thread(
            target=system.run, args=("emergency-rollback", "production", "--reason", "now")
        )
        asked.start()
        before = system.server_pid() if which != "server" else None
        until(lambda: _switched(system, load), 15, "users are on v1")
        killed_at = kill(pid)
        asked.join(60)
        if which == "server":
            system.up()
        until(
            lambda: system.service()["ready"] == 2 and not system.instances("v2"), 30, "v1 is whole, v2 gone"
        )
        assert before in {None, system.server_pid()}
    assert lost_beyond(load.answers, killed_at) == [], summary(load.answers)
    assert system.environment()["release"] == "v1"
    assert system.history()[0]["release"] == "v1"


def _switched(system: System, load: Load) -> bool:
    return len(load.answers) > 0 and load.answers[-1].version == "v1" and system.folder.exists()


def test_with_the_server_dead_traffic_goes_on_and_crashed_instances_come_back(make_system: Make) -> None:
    system = make_system(replicas=2)
    system.shipped("v1")
    instances = {i["id"]: i["pid"] for i in system.instances()}
    kill(system.server_pid())
    with Load(system.port, rate=100) as load:
        name = next(iter(instances))
        folder = environment_folder(system) / "instances" / name
        killed_at = kill(instances[name])
        until(lambda: shim_of_or_none(folder) not in {None, instances[name]}, 10, "the instance is back")
    assert lost_beyond(load.answers, killed_at) == [], summary(load.answers)
    system.up()
    until(lambda: system.service()["ready"] == 2, 10, "found again, and ready")
    found = {i["id"]: i["pid"] for i in system.instances()}
    kept = [n for n in instances if n != name]
    assert [found[n] for n in kept] == [instances[n] for n in kept], "what ran was left alone"


def shim_of_or_none(folder: Path) -> int | None:
    """The pid of the process, if there is one now."""
    child = json.loads((folder / "status.json").read_text())["child"]
    return child["pid"] if child else None


def test_a_restart_of_the_server_at_full_load_is_not_noticed(make_system: Make) -> None:
    system = make_system(replicas=2)
    system.shipped("v1")
    pids = {i["pid"] for i in system.instances()}
    with Load(system.port, rate=150) as load:
        for _ in range(2):
            system.must("down", "--keep-running")
            system.up()
    assert not [a for a in load.answers if a.lost], summary(load.answers)
    assert {i["pid"] for i in system.instances()} == pids


def test_after_down_nothing_runs_and_after_up_everything_is_back(make_system: Make) -> None:
    system = make_system(replicas=2)
    system.shipped("v1")
    pids = [i["pid"] for i in system.instances()]
    root = environment_folder(system)
    pids += [shim_of(root / "proxies" / name)["child"] for name in PROXIES]
    system.must("down")
    assert [pid for pid in pids if Path(f"/proc/{pid}").exists()] == []
    assert system.run("status").code == 6
    system.up()
    until(lambda: system.service()["ready"] == 2, 15, "both are back")
    assert system.environment()["release"] == "v1"
