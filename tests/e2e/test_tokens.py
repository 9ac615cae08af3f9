"""Pipelines speak through a socket of their own, where only a token counts."""

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from tests.systems.system import CARELANE, Ran, System

Make = Callable[..., System]


def by_token(system: System, value: str, *arguments: str) -> Ran:
    """Runs `carelane` as a job does: by the pipeline's socket and a token."""
    server = system.folder / ".carelane" / "pipeline" / "carelane.sock"
    told = {**os.environ, "CARELANE_SERVER": str(server), "CARELANE_TOKEN": value}
    done = subprocess.run(
        [str(CARELANE), *arguments], env=told, cwd="/", capture_output=True, text=True, check=False
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def test_a_token_deploys_where_it_says_and_nowhere_else_and_nobody_comes_without_one(
    make_system: Make,
) -> None:
    system = make_system(extra_environments={"staging": {"port": System.free_port()}})
    system.release("v1")
    made = json.loads(system.must("token", "create", "ci", "--deploy", "staging", "--output", "json"))
    value = made["value"]
    assert by_token(system, value, "release", "list").code == 0
    assert by_token(system, value, "deploy", "staging", "--release", "v1", "--wait").code == 0
    refused = by_token(system, value, "deploy", "production", "--release", "v1")
    assert (refused.code, "it may read and deploy to staging" in refused.err) == (3, True)
    assert by_token(system, "cl_wrong", "release", "list").code == 3
    assert by_token(system, "", "release", "list").code == 3, "not even root, without a token"
    entries = json.loads(system.must("deployments", "list", "--output", "json"))
    assert [each["author"] for each in entries] == ["token ci"]
    system.must("token", "revoke", "ci")
    assert by_token(system, value, "release", "list").code == 3
    assert value not in Path(system.folder / ".carelane" / "carelane.db").read_bytes().decode("latin-1")


def test_without_the_right_a_token_makes_no_release_and_goes_round_no_judge(make_system: Make) -> None:
    system = make_system(strategy={"use": "canary"})
    system.release("v1")
    system.must("deploy", "production", "--release", "v1", "--wait")
    system.release("v2")
    plain = system.must("token", "create", "plain", "--deploy", "production").strip()
    trusted = system.must(
        "token", "create", "trusted", "--deploy", "production", "--release", "--weaken"
    ).strip()

    refused = by_token(system, plain, "release", "create", "--name", "v3")
    assert (refused.code, "token plain may not POST /api/v1/releases" in refused.err) == (3, True)
    around = ("deploy", "production", "--release", "v2", "--strategy", "rolling")
    refused = by_token(system, plain, *around)
    assert (refused.code, "by rolling, without the steps of canary" in refused.err) == (3, True)
    assert by_token(system, trusted, *around, "--wait").code == 0
    assert by_token(system, trusted, "release", "create", "--name", "v3").code == 0

    entries = [json.loads(line)["entry"] for line in system.must("events", "--output", "json").splitlines()]
    told = {(each["act"], each["actor"]) for each in entries}
    assert {("request.refused", "token plain"), ("policy.weakened", "token trusted")} <= told


def test_who_bears_a_token_is_its_bearer_at_the_users_own_socket_too(make_system: Make) -> None:
    system = make_system(extra_environments={"staging": {"port": System.free_port()}})
    system.release("v1")
    value = system.must("token", "create", "ci", "--deploy", "staging").strip()
    bearing = {**os.environ, "CARELANE_TOKEN": value}

    def asked(*arguments: str) -> Ran:
        done = subprocess.run(
            [str(CARELANE), *arguments],
            env=bearing,
            cwd=system.folder,
            capture_output=True,
            text=True,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    refused = asked("deploy", "production", "--release", "v1")
    assert (refused.code, "it may read and deploy to staging" in refused.err) == (3, True)
    assert asked("deploy", "staging", "--release", "v1", "--wait").code == 0
    (made,) = json.loads(system.must("deployments", "list", "--output", "json"))
    assert made["author"] == "token ci"
    bearing["CARELANE_TOKEN"] = value[:-1]
    assert asked("status").code == 3, "a wrong one is no way to be somebody else"
