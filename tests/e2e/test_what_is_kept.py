"""What is known afterwards: what users got, what became of instances, and incidents; over a kill -9 too."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.load import Load
from tests.processes import alive
from tests.systems.system import System
from tests.waiting import until

Make = Callable[..., System]
CANARY = {"canary": {"steps": [{"weight": 50}, {"pause": {}}]}}


def pids(system: System, instance: str) -> dict[str, int]:
    """Of an instance: its process and the shim that keeps it."""
    folder: Path = system.folder / ".carelane" / "environments" / "production" / "instances" / instance
    status = json.loads((folder / "status.json").read_text())
    return {"shim": status["shim"]["pid"], "child": status["child"]["pid"]}


def entries(system: System, act: str) -> list[dict[str, Any]]:
    """The trail's entries of one act."""
    trail = system.client().get("/events/list", limit=1000)
    return [p["entry"] for p in trail if p["entry"]["act"] == act]


def restarted(system: System) -> None:
    """The server is killed, and another takes over."""
    pid = system.server_pid()
    os.kill(pid, signal.SIGKILL)
    until(lambda: not alive(pid), 10, "the server is gone")
    system.up()


def test_what_became_of_instances_is_told_once_with_the_exit_code_where_one_was_seen(
    make_system: Make,
) -> None:
    system = make_system(replicas=2)
    system.shipped("v1")
    first, second = sorted(i["id"] for i in system.instances("v1"))
    os.kill(pids(system, first)["child"], signal.SIGKILL)
    until(lambda: len(entries(system, "instance.crashed")) == 1, 15, "the crash is told")
    both = pids(system, second)
    os.kill(both["shim"], signal.SIGKILL)
    os.kill(both["child"], signal.SIGKILL)
    until(lambda: len(entries(system, "instance.restarted")) == 1, 15, "the restart is told")
    until(lambda: system.service()["ready"] == 2, 20, "both are ready again")
    restarted(system)
    until(lambda: system.service()["ready"] == 2, 20, "both are ready")
    os.kill(pids(system, first)["shim"], signal.SIGKILL)
    until(lambda: len(entries(system, "instance.adopted")) == 1, 15, "the new keeper is told")
    assert [(e["subject"], e["details"]["exit_code"]) for e in entries(system, "instance.crashed")] == [
        (first, -9)
    ]
    assert [(e["subject"], e["details"]["exit_code"]) for e in entries(system, "instance.restarted")] == [
        (second, None)
    ]


def test_a_new_server_judges_by_what_was_counted_before_and_an_emergency_is_an_incident(
    make_system: Make,
) -> None:
    system = make_system(replicas=1)
    system.shipped("v1")
    with Load(system.port, rate=50) as load:
        until(lambda: len(load.answers) > 50 * 26, 60, "26 seconds of users")
        restarted(system)
        system.release("v2")
        system.strategy = CANARY
        system.describe(greeting="v2")
        restarted(system)
        system.must("deploy", "production", "--release", "v2")
        number = system.last_deployment()["id"]
        until(
            lambda: bool(system.client().get(f"/deployments/{number}/analyses")), 30, "the canary is judged"
        )
        run = system.client().get(f"/deployments/{number}/analyses")[0]
        long = [w for w in run["history"] if w["ended_at"] - w["started_at"] > 5]
        assert sum(w["stable"]["requests"] for w in long) > 50 * 15
        until(lambda: "v2" in {a.version for a in load.answers[-20:]}, 20, "users are on v2")
        system.must("emergency-rollback", "production", "--reason", "patients cannot sign in")
    (incident,) = system.run("incidents", "list", "--output", "json").json()
    assert (incident["cause"], incident["deployment"], incident["version"]) == ("emergency", number, "v2")
    assert incident["resolved_at"] is not None
    assert incident["users_since"] is not None
    assert incident["recovered_after_seconds"] > 0
    assert "patients cannot sign in" in system.must("incidents", "list")
    assert system.run("analysis", "verify", str(number)).code == 0
