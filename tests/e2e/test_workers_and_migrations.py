"""Workers are replaced, never doubled; migrations run once, first, and stop a release when they fail."""

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.systems.system import System
from tests.waiting import until

Make = Callable[..., System]


def worker(diary: Path) -> dict[str, Any]:
    return {
        "kind": "worker",
        "source": ["worker.py"],
        "run": [sys.executable, "worker.py"],
        "environment": {"APP_VERSION": "${version}", "DIARY": str(diary)},
    }


def migrating(tmp_path: Path, command: str) -> dict[str, Any]:
    (tmp_path / "diary").touch()
    return {"migrate": ["/bin/sh", "-c", f"echo migrated ${{version}} >> {tmp_path / 'diary'}; {command}"]}


def test_a_worker_ends_before_the_next_begins_forward_and_back(make_system: Make, tmp_path: Path) -> None:
    diary = tmp_path / "diary"
    work = worker(diary)
    system = make_system(replicas=1, extra_services={"work": work})
    system.shipped("v1")
    work["environment"] = {**work["environment"], "SINCE": "v2"}
    system.shipped("v2")
    system.must("rollback", "production", "--reason", "back again", "--wait")
    until(lambda: len(diary.read_text().splitlines()) == 5, 15, "five lines in the diary")
    told = [(line.split()[0], line.split()[2]) for line in diary.read_text().splitlines()]
    assert told == [("v1", "begins"), ("v1", "ends"), ("v2", "begins"), ("v2", "ends"), ("v1", "begins")]
    assert [i["label"] for i in system.instances(service="work")] == ["v1"], "no worker is kept warm"


def test_a_migration_runs_once_before_the_first_instance_and_not_on_the_way_back(
    make_system: Make, tmp_path: Path
) -> None:
    system = make_system(replicas=2)
    for tag in ("v1", "v2"):
        system.release(tag, **migrating(tmp_path, "true"))
        system.deploy(tag)
    system.must("rollback", "production", "--reason", "back again", "--wait")
    assert (tmp_path / "diary").read_text().split("\n") == ["migrated v1", "migrated v2", ""]
    acts = [
        line.split()[5] for line in system.must("events").splitlines() if "v2" in line or "migration" in line
    ]
    assert acts.count("migration.finished") == 2


def test_a_migration_that_fails_stops_its_release_before_an_instance_is_started(
    make_system: Make, tmp_path: Path
) -> None:
    system = make_system(replicas=1)
    system.shipped("v1")
    system.release("v2", **migrating(tmp_path, "echo the table is locked >&2; exit 4"))
    ran = system.deploy("v2", expect=10)
    assert "migration" in ran.err
    assert "exit code 4" in ran.err
    assert [i["label"] for i in system.instances()] == ["v1"]
    assert system.environment()["release"] == "v1"
