"""What is recorded is lost, damaged or older than what runs: nothing is ended unasked."""

import json
import os
import shutil
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.test_ending import running
from tests.load import Load, summary
from tests.systems.system import System
from tests.waiting import until

Make = Callable[..., System]


def test_a_lost_database_ends_nothing_and_a_backup_puts_it_back(make_system: Make, tmp_path: Path) -> None:
    """The drill: backup, loss, refusal, restore, and users notice none of it."""
    system = make_system()
    database = system.folder / ".carelane" / "carelane.db"
    system.shipped("v1")
    made = system.run("state", "backup", str(tmp_path / "backup.db"), "--output", "json").json()
    assert made["deployments"] == 1
    assert system.run("state", "backup", str(tmp_path / "backup.db")).code == 5
    instances = {i["id"]: i["pid"] for i in system.instances()}
    with Load(system.port, rate=50) as load:
        system.must("down", "--keep-running")
        for file in database.parent.glob("carelane.db*"):
            file.unlink()
        refused = system.run("up", "--detach")
        assert refused.code == 5, refused.err
        assert "carelane.db is missing, but web-1 in production" in refused.err
        assert "Traceback" not in refused.err
        assert not database.exists()
        checked = system.run("state", "check")
        assert checked.code == 6
        assert "it runs all the same: web-1 in production" in checked.err
        system.must("state", "restore", str(tmp_path / "backup.db"))
        system.up()
        assert {i["id"]: i["pid"] for i in system.instances()} == instances
        system.release("v2")
        system.deploy("v2")
    assert not any(answer.lost for answer in load.answers), summary(load.answers)
    assert "is whole" in system.must("state", "check")
    assert system.run("state", "restore", str(tmp_path / "backup.db")).code == 5  # a server runs


def test_a_backup_older_than_what_runs_is_refused_until_its_end_is_asked_for(
    make_system: Make, tmp_path: Path
) -> None:
    system = make_system()
    system.shipped("v1")
    system.must("state", "backup", str(tmp_path / "old.db"))
    system.shipped("v2")
    system.until_calm()
    pids = {i["pid"] for i in system.instances("v2")}
    system.must("down", "--keep-running")
    system.must("state", "restore", str(tmp_path / "old.db"))
    refused = system.run("up", "--detach")
    assert refused.code == 5, refused.err
    assert "what is recorded is older than what runs: web-3 in production" in refused.err
    assert all(Path(f"/proc/{pid}").exists() for pid in pids)
    assert system.get(system.port)["version"] == "v2"
    system.must("up", "--detach", "--end-unknown")
    assert not any(Path(f"/proc/{pid}").exists() for pid in pids)
    system.until_calm()
    assert system.environment()["release"] == "v1"
    system.shipped("v3")


def test_a_damaged_or_newer_database_is_one_sentence(make_system: Make) -> None:
    system = make_system(up=False)
    state = system.folder / ".carelane"
    state.mkdir()
    (state / "carelane.db").write_bytes(b"not a database, whatever it is" * 100)
    refused = system.run("up", "--detach")
    assert (refused.code, "carelane.db is damaged" in refused.err) == (6, True), refused.err
    assert "Traceback" not in refused.err + refused.out
    checked = system.run("state", "check", "--output", "json")
    assert checked.code == 6
    assert json.loads(checked.out)["found"] is None
    shutil.rmtree(state)


def test_damaged_files_of_instances_and_ports_are_set_aside_and_named(make_system: Make) -> None:
    system = make_system()
    system.shipped("v1")
    root = system.folder / ".carelane" / "environments" / "production"
    before = {i["id"]: (i["pid"], i["port"]) for i in system.instances()}
    system.must("down", "--keep-running")
    (root / "ports.json").write_text('{"web": ')
    for file in root.glob("instances/*/spec.json"):
        file.write_text("")
        break
    for file in root.glob("instances/*/status.json"):
        file.write_text('{"run": 1')
    with Load(system.port, rate=50) as load:
        system.up()
        system.until_calm()
        system.shipped("v2")
    assert not any(answer.lost for answer in load.answers), summary(load.answers)
    assert len(before) == 2
    checked = system.must("state", "check")
    assert "set aside: environments/production/ports.json.damaged-" in checked
    assert "a file was damaged, and is set aside" in (system.folder / ".carelane" / "server.log").read_text()


def test_a_socket_or_configuration_that_is_gone_keeps_nobody_from_going_back(make_system: Make) -> None:
    system = make_system()
    system.shipped("v1")
    system.shipped("v2")
    state = system.folder / ".carelane"
    (system.folder / "carelane.yaml").rename(system.folder / "elsewhere.yaml")
    shutil.rmtree(state / "run")
    (state / "pipeline" / "carelane.sock").unlink()
    until(lambda: system.run("status").code == 0, 15.0, "the server listens again")
    until((state / "pipeline" / "carelane.sock").is_socket, 5.0, "and to pipelines")
    assert stat.S_IMODE((state / "run").stat().st_mode) == 0o700
    assert "listening again" in (state / "server.log").read_text()
    system.must("emergency-rollback", "production", "--reason", "it is bad")
    assert system.get(system.port)["version"] == "v1"
    checked = system.run("config", "check")
    assert (checked.code, "Traceback" in checked.err) == (4, False), checked.err
    assert "carelane.yaml" in checked.err
    system.must("down", "--keep-running")
    assert not (state / "run" / "api.sock").exists()
    refused = system.run("up", "--detach")
    assert (refused.code, "Traceback" in refused.err) == (4, False), refused.err
    (system.folder / "elsewhere.yaml").rename(system.folder / "carelane.yaml")
    system.up()


@pytest.mark.parametrize("file", ["status.json", "spec.json", "control.json"])
def test_a_folder_in_the_place_of_an_instances_file_keeps_nothing_from_going_on(
    make_system: Make, file: str
) -> None:
    system = make_system()
    system.shipped("v1")
    state = system.folder / ".carelane"
    spoiled = [stand_in_the_way(state, file)]
    with Load(system.port, rate=50) as load:
        system.shipped("v2")
        spoiled.append(stand_in_the_way(state, file))
        system.must("emergency-rollback", "production", "--reason", "it is bad")
    assert not any(answer.lost for answer in load.answers), summary(load.answers)
    assert system.get(system.port)["version"] == "v1"
    if file == "status.json":  # which is read at every look
        checked = system.must("state", "check")
        assert all(f"/{name}/{file}.damaged-" in checked for name in spoiled), checked
    stand_in_the_way(state, file)
    assert "has ended" in system.must("down")
    assert running(system) == set()


@pytest.mark.parametrize("file", ["status.json", "spec.json", "control.json"])
def test_without_a_server_too_everything_ends_though_a_folder_stands_in_a_files_place(
    make_system: Make, file: str
) -> None:
    system = make_system()
    system.shipped("v1")
    os.kill(system.server_pid(), signal.SIGKILL)
    until(lambda: system.run("status").code == 6, 10, "the server is gone")
    stand_in_the_way(system.folder / ".carelane", file)
    assert "has ended" in system.must("down")
    assert running(system) == set()


def stand_in_the_way(state: Path, file: str) -> str:
    """Put a folder in the place of *file* of the newest instance; its name."""
    folder = max(state.glob("environments/production/instances/*"), key=lambda path: path.stat().st_ctime)
    if not (folder / file).is_dir():
        (folder / file).unlink(missing_ok=True)
        (folder / file).mkdir()
    return folder.name
