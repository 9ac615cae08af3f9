"""Finding out why: what failed, by the names that messages give."""

import json
import os
import signal

from tests.systems.fixtures import Make
from tests.systems.system import System
from tests.waiting import until


def test_the_log_of_a_release_that_failed_is_shown_and_can_be_read_afterwards(system: System) -> None:
    system.shipped("v1")
    system.release("v2", fault="crash", run=["/bin/sh", "-c", "echo no route to the mine; exit 3"])
    failed = system.deploy("v2", expect=10)
    assert "no route to the mine" in failed.err
    assert "carelane logs production web --deployment 2" in failed.err
    for named in (["--deployment", "2"], ["--release", "v2"]):
        lines = system.must("logs", "production", "web", *named).splitlines()
        assert {line.partition(" | ")[2] for line in lines} == {"no route to the mine"}, named
    instance = lines[-1].partition(" | ")[0]
    assert instance in failed.err
    timed = system.run("logs", "production", "web", "--instance", instance, "-o", "json", "--since", "5m")
    assert {json.loads(line)["instance"] for line in timed.out.splitlines()} == {instance}
    assert all(json.loads(line)["at"] for line in timed.out.splitlines()), "all of it was seen"
    assert "v2" not in system.must("logs", "production", "web"), (
        "what is there is meant where nothing is named"
    )
    unknown = system.run("logs", "production", "web", "--instance", "web-99")
    assert unknown.code == 4
    assert f"{instance} (ended)" in unknown.err


def test_a_migration_and_a_check_are_read_by_their_names(make_system: Make) -> None:
    steps = [{"check": {"run": ["/bin/sh", "-c", "echo the pulse is weak; exit 1"]}}, {"weight": 50}]
    system = make_system(strategy={"canary": {"steps": steps}})
    system.shipped("v1")
    system.release("v2", migrate=["/bin/sh", "-c", "echo moved 12 rows"])
    failed = system.deploy("v2", expect=10)
    assert "the pulse is weak" in failed.err
    lines = system.must("logs", "production", "web", "--deployment", "2").splitlines()
    said = dict(line.split(" | ", 1) for line in lines)
    assert said["web.migrate-2"] == "moved 12 rows"
    assert "web.migrate-2 | moved" in system.must("logs", "production", "web", "--instance", "web.migrate-2")


def test_a_time_that_is_none_and_what_a_deployment_does_not_change_are_one_line(system: System) -> None:
    system.shipped("v1")
    wrong = system.run("logs", "production", "web", "--since", "yesterday")
    assert (wrong.code, "write 30s, 5m" in wrong.err) == (2, True)
    absent = system.run("logs", "production", "api", "--deployment", "1")
    assert (absent.code, "it changes: web" in absent.err) == (4, True)
    stamped = system.must("logs", "production", "web", "--timestamps", "--tail", "1")
    assert "Z serving v1" in stamped or "- " in stamped


def test_an_instance_that_does_not_get_ready_says_what_it_waits_for_and_how_it_ended(system: System) -> None:
    system.shipped("v1")
    (well, _) = sorted(i["id"] for i in system.instances("v1"))
    said = system.must("env", "describe", "production", well)
    assert "probe     well" in said
    assert "MiB" in said
    assert "waits for" not in said
    os.kill(system.instances("v1")[0]["pid"], signal.SIGKILL)
    killed = system.instances("v1")[0]["id"]
    until(lambda: "exit code -9" in system.must("env", "describe", "production", killed), 10, "how it ended")
    system.release("v2", fault="unready")
    system.must("deploy", "production", "--release", "v2")
    until(lambda: any(i["phase"] == "running" for i in system.instances("v2")), 10, "it runs")
    late = system.instances("v2")[0]["id"]
    until(lambda: "/ready answered 503" in system.must("env", "describe", "production", late), 10, "why")
    shown = system.run("env", "describe", "production", late, "-o", "json").json()
    assert shown["waits_for"].startswith("its readiness: /ready answered 503")
    assert shown["detail"]["ends"] == []
    every = system.run("env", "describe", "production", "-o", "json").json()
    assert late in {each["instance"]["id"] for each in every}
    absent = system.run("env", "describe", "production", "web-99")
    assert (absent.code, late in absent.err) == (4, True)


def test_what_listens_nowhere_yet_is_said_so(system: System) -> None:
    system.release("v1", run=["/bin/sh", "-c", "sleep 60"])
    system.must("deploy", "production", "--release", "v1")
    until(lambda: any(i["phase"] == "running" for i in system.instances("v1")), 10, "it runs")
    late = system.instances("v1")[0]
    assert f"connection refused on {late['port']}" in system.must("env", "describe", "production", late["id"])


def test_a_plan_names_what_matters(system: System) -> None:
    system.shipped("v1")
    system.release("v2", greeting="good morning", migrate=["python3", "-c", "pass"])
    plan = system.must("deploy", "production", "--release", "v2", "--plan")
    assert "* environment.GREETING: v1 -> good morning" in plan
    assert "* migrates first: python3 -c pass" in plan
    assert "!" not in plan
    file = system.folder / "carelane.yaml"
    file.write_text(file.read_text().replace("strategy:", "objectives: {error_ratio: 0.2}\n    strategy:", 1))
    plan = system.must("deploy", "production", "--release", "v2", "--plan")
    setting = "environments.production.objectives.error_ratio"
    assert f"! carelane.yaml says otherwise than the server uses: {setting};" in plan
    file.write_text("system: [")
    told = system.run("deploy", "production", "--release", "v2", "--plan", "-o", "json").json()
    assert "is wrong" in told["remarks"][0]
    assert told["differences"]["web"]["code"] is False
    assert told["irreversible"] is False
