"""Settings by environment, and policy that changes while the server runs."""

import sys
from typing import Any

import pytest
import yaml

from tests.systems.fixtures import Make
from tests.systems.system import System, free_port
from tests.waiting import until


def test_one_release_has_each_environments_own_settings(make_system: Make) -> None:
    port = free_port()
    quick = {"rolling": {"min_ready_seconds": 0}}
    system = make_system(
        extra_environments={
            "staging": {
                "port": port,
                "strategy": quick,
                "services": {
                    "web": {"environment": {"GREETING": "rehearsal"}, "limits": {"open_files": 512}}
                },
            }
        }
    )
    system.release("v1")
    for environment in ("staging", "production"):
        system.must("deploy", environment, "--release", "v1", "--wait")
    assert (system.get(port)["greeting"], system.get(system.port)["greeting"]) == ("rehearsal", "v1")
    shown = system.must("release", "show", "v1")
    assert "in staging, web: environment.GREETING: v1 -> rehearsal" in shown
    assert "in staging, web: limits.open_files: not set -> 512" in shown
    resolved = system.run("config", "show", "staging", "-o", "json").json()
    assert resolved["services"]["web"]["environment"]["GREETING"] == "rehearsal"
    assert yaml.safe_load(system.must("config", "show", "staging")) == resolved

    system.extra_environments["staging"]["services"]["web"]["environment"]["GREETING"] = "dress rehearsal"
    system.release("v2", environment=_as("v1"))
    planned = system.must("deploy", "staging", "--release", "v2", "--plan")
    assert "* the same code, other settings" in planned
    assert "* environment.GREETING: rehearsal -> dress rehearsal" in planned
    system.must("deploy", "staging", "--release", "v2", "--wait")
    before = {i["id"] for i in system.instances()}
    system.deploy("v2")
    assert system.get(port)["greeting"] == "dress rehearsal"
    assert {i["id"] for i in system.instances()} == before, "in production nothing differs"
    system.must("rollback", "staging", "--reason", "the old words", "--wait")
    assert system.get(port)["greeting"] == "rehearsal"


def _as(greeting: str) -> dict[str, str]:
    """What `System.describe` gives the service, with the greeting of another version."""
    return {
        "APP_VERSION": "${version}",
        "APP_FAULT": "",
        "GREETING": greeting,
        "INSTANCE": "${instance}",
    }


def test_policy_comes_into_force_without_a_restart(system: System) -> None:
    system.shipped("v1")
    assert system.must("reload") == "carelane.yaml says what the server uses\n"
    pid = system.server_pid()
    _write(system, replicas={"web": 3}, port=free_port())
    (warning,) = [
        line
        for line in system.must("deploy", "production", "--release", "v1", "--plan").splitlines()
        if "reload" in line
    ]
    assert "environments.production.replicas.web; `carelane reload` brings it into force" in warning
    planned = system.must("reload", "--plan")
    assert "  environments.production.replicas.web: 2 -> 3" in planned
    assert (
        "with `carelane down --keep-running` and `carelane up`:\n  environments.production.port: " in planned
    )
    unasked = system.run("reload")
    assert (unasked.code, "say --yes" in unasked.err, len(system.instances())) == (2, True, 2)
    assert system.must("reload", "--yes", "--reason", "winter").endswith("in force, and in the trail\n")
    until(lambda: system.service()["ready"] == 3, 20, "a third instance")
    assert system.server_pid() == pid
    entries = system.client().get("/events/list", after=0)
    (entry,) = [e["entry"] for e in entries if e["entry"]["act"] == "configuration.reloaded"]
    assert entry["details"] == {"environments.production.replicas.web": "2 -> 3"}
    assert (entry["reason"], entry["subject"]) == ("winter", "carelane.yaml")
    (system.folder / "carelane.yaml").write_text("system: [")
    broken = system.run("reload", "--yes")
    assert (broken.code, "carelane.yaml:1" in broken.err) == (2, True)
    assert system.service()["wanted"] == 3


def _write(system: System, **settings: Any) -> None:  # noqa: ANN401 - YAML
    """Production with other *settings*."""
    file = system.folder / "carelane.yaml"
    said = yaml.safe_load(file.read_text())
    said["environments"]["production"].update(settings)
    file.write_text(yaml.safe_dump(said, sort_keys=False))


def test_an_environment_is_ended_alone_and_then_taken_out(make_system: Make) -> None:
    port = free_port()
    system = make_system(
        extra_environments={"qa": {"port": port, "strategy": {"rolling": {"min_ready_seconds": 0}}}}
    )
    system.release("v1")
    for environment in ("qa", "production"):
        system.must("deploy", environment, "--release", "v1", "--wait")
    del system.extra_environments["qa"]
    system.describe()
    planned = system.must("reload", "--plan")
    assert "environments.qa: there -> not set" in planned
    assert "`carelane down --environment qa`" in planned
    system.must("down", "--keep-running")
    refused = system.run("up", "--detach")
    assert (refused.code, "`carelane down --environment qa`" in refused.err) == (5, True), refused.err
    assert "everything in qa" in system.must("down", "--environment", "qa")
    system.up()
    assert [e["name"] for e in system.client().get("/environments")] == ["production"]
    assert system.get(system.port)["version"] == "v1"


def test_an_environment_that_a_server_ends_is_nobodys_until_another_one_starts(make_system: Make) -> None:
    port = free_port()
    quick = {"rolling": {"min_ready_seconds": 0}}
    system = make_system(extra_environments={"qa": {"port": port, "strategy": quick}})
    system.release("v1")
    system.must("deploy", "qa", "--release", "v1", "--wait")
    assert "all of qa has ended" in system.must("down", "--environment", "qa")
    with pytest.raises(OSError, match="refused"):
        system.get(port)
    asked = system.run("deploy", "qa", "--release", "v1")
    assert (asked.code, "qa was ended" in asked.err) == (5, True), asked.err
    system.must("status")
    assert system.run("down", "--environment", "nowhere").code == 4
    system.must("down", "--keep-running")
    system.up()
    until(lambda: served(system, port) == "v1", 20, "it runs again, as recorded")


def served(system: System, port: int) -> str | None:
    """The version that answers at *port*; None while nobody does."""
    try:
        return str(system.get(port)["version"])
    except OSError:
        return None


def test_a_plan_says_what_leaves_what_is_missing_and_where_nothing_changes(make_system: Make) -> None:
    system = make_system()
    side = {"kind": "web", "source": ["service.py"], "run": ["true"], "environment": {"APP_VERSION": "x"}}
    system.extra_services["side"] = {**side, "run": [sys.executable, "service.py"]}
    system.shipped("v1")
    system.release("v1-again", greeting="v1")
    assert "nothing changes" in system.must("deploy", "production", "--release", "v1-again", "--plan")
    del system.extra_services["side"]
    system.release("v2", greeting="v1", secrets={"KEY": {"file": "nothere", "version": 1}})
    plan = system.must("deploy", "production", "--release", "v2", "--plan")
    assert "- side: v1 ends, for the release does not have it" in plan
    assert "! web would not start: its secret KEY is not there (nothere)" in plan
    for archive in (system.folder / ".carelane" / "artifacts" / "archives").glob("*.tar"):
        archive.unlink()
    plan = system.must("deploy", "production", "--release", "v2", "--plan")
    assert "! it would be refused: the archive" in plan
