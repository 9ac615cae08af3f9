"""What grows, what of it nobody needs, and what is never removed."""

import os
import time
from pathlib import Path

from tests.systems.fixtures import Make
from tests.systems.system import System
from tests.waiting import until


def test_what_nobody_needs_is_removed_and_what_can_be_gone_back_to_is_not(make_system: Make) -> None:
    system = make_system(
        rollback={"keep_warm": 1, "revision_history": 1},
        extra_settings={"retention": {"releases": 1, "days": 1}},
        on_change=_other_code,
    )
    system.shipped("v1", "v2", "v3")
    artifacts = system.folder / ".carelane" / "artifacts"
    assert system.must("prune", "--dry-run") == "there is nothing that nobody needs\n"
    _long_ago(artifacts)
    _made_long_ago(system.folder / ".carelane" / "carelane.db")
    until(
        lambda: system.run("prune", "--dry-run", "-o", "json").json() != [], 20, "nothing of v1 runs any more"
    )
    planned = system.run("prune", "--dry-run", "-o", "json").json()
    assert sorted(each["what"] for each in planned) == ["archive", "unpacked archive"], "of v1"
    said = system.must("prune", "--dry-run").splitlines()[-1]
    assert said.startswith("would remove 1 x archive, 1 x unpacked archive: ")
    assert system.run("prune", "--reason", "tidy", "-o", "json").json() == planned
    assert [p.name for p in (artifacts / "archives").glob("*.tar") if p.stem in planned[0]["name"]] == []
    (entry,) = [
        e["entry"]
        for e in system.client().get("/events/list", after=0)
        if e["entry"]["act"] == "retention.pruned"
    ]
    assert (entry["reason"], entry["details"]["archive"]) == ("tidy", 1)
    system.must("rollback", "production", "--reason", "back", "--wait")
    assert system.get(system.port)["version"] == "v2"
    lost = system.run("deploy", "production", "--release", "v1")
    assert (lost.code, "`carelane release create` of the same commit" in lost.err) == (6, True)
    system.must("release", "create", "--commit", "v1")
    system.deploy("v1")
    assert system.get(system.port)["version"] == "v1"


def _other_code(system: System) -> None:
    """Each release has code of its own."""
    with (system.folder / "service.py").open("a") as code:
        code.write(f"# {system.git('rev-list', '--all', '--count').strip()}\n")


def _long_ago(artifacts: Path) -> None:
    then = time.time() - 7200
    for folder in artifacts.iterdir():
        for path in folder.iterdir():
            os.utime(path, (then, then))


def _made_long_ago(database: Path) -> None:
    """Releases were made years ago, by what is recorded."""
    import sqlite3

    with sqlite3.connect(database) as connection:
        older = "json_set(document, '$.created_at', '2020-01-01T00:00:00Z')"
        connection.execute(f"UPDATE releases SET document = {older}")  # noqa: S608 - the line above
    connection.close()


def test_what_takes_how_much_is_told_with_and_without_a_server(make_system: Make) -> None:
    system = make_system()
    system.shipped("v1")
    with_server = {each["part"]: each for each in system.run("disk", "-o", "json").json()}
    assert with_server["archives"]["bytes"] > 0
    assert with_server["production: logs of what runs"]["things"] == 2
    assert with_server["what is recorded"]["bounded_by"]
    system.must("down")
    shown = system.must("disk")
    assert "kept back for emergencies" in shown
    assert shown.splitlines()[-1].endswith("in all")
