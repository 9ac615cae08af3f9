"""Waiting for a deployment: what it waits for is said, and the waiting can have an end."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from carelane.base.errors import OutcomeFailed, OutcomeOpen
from carelane.cli import following
from carelane.cli.client import Client
from carelane.cli.deployments import tell
from carelane.cli.following import Waiting, follow

HELD = "web: step 2 waits for a person: resume or promote it"


class Answering(Client):
    """A server whose deployment goes through *phases*, one a look, and stays in the last."""

    def __init__(self, *phases: str) -> None:
        self.phases: Iterator[str] = iter(phases)
        self.phase = phases[0]

    def get(self, path: str, **query: object) -> Any:  # noqa: ANN401 - as the client's own
        if path.startswith("/environments"):
            return {"services": []}
        self.phase = next(self.phases, self.phase)
        message = HELD if self.phase == "Paused" else ""
        return {
            "id": 7, "release": "v2", "environment": "production", "phase": self.phase,
            "message": message, "rollouts": {},
        }  # fmt: skip


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "AGAIN_SECONDS", 0.0)


def test_a_paused_deployment_says_what_it_waits_for(capsys: pytest.CaptureFixture[str]) -> None:
    follow(Answering("Progressing", "Paused", "Paused", "Progressing", "Succeeded"), 7)
    said = capsys.readouterr().out
    assert said.count(HELD) == 1
    assert said.count("waits for a person: `carelane rollout show production`") == 1


@pytest.mark.parametrize("output", ["table", "json"])
def test_the_waiting_ends_in_time_and_that_is_neither_a_success_nor_a_failure(
    output: str, capsys: pytest.CaptureFixture[str]
) -> None:
    client = Answering("Progressing", "Paused")
    outcome = {"deployment": client.get("/deployments/7"), "message": "deployment 7 of v2"}
    with pytest.raises(OutcomeOpen, match=r"deployment 7 is Paused after 0.001 s: web: step 2") as caught:
        tell(client, outcome, Waiting(wanted=True, at_most_seconds=0.001), output)
    assert caught.value.exit_code == 11
    said = capsys.readouterr()
    if output == "json":
        assert json.loads(said.out)["deployment"]["phase"] == "Paused"
        assert HELD in said.err


def test_one_that_fails_is_said_to_have_failed_and_a_program_gets_it_as_it_ended(
    capsys: pytest.CaptureFixture[str],
) -> None:
    client = Answering("Progressing", "Failed")
    outcome = {"deployment": client.get("/deployments/7"), "message": "deployment 7 of v2"}
    with pytest.raises(OutcomeFailed):
        tell(client, outcome, Waiting(wanted=True), "json")
    assert json.loads(capsys.readouterr().out)["deployment"]["phase"] == "Failed"


def test_who_does_not_wait_is_told_at_once(capsys: pytest.CaptureFixture[str]) -> None:
    client = Answering("Paused")
    tell(client, {"deployment": client.get("/deployments/7"), "message": "asked"}, Waiting(), "table")
    assert capsys.readouterr().out == "asked\n"
