"""The command line's conversation with a server that is there and says nothing."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from carelane.base.errors import Unavailable
from carelane.cli import client
from carelane.cli.client import Client


@pytest.fixture
def silent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Client]:
    """A client of a server that takes connections and never answers, and little patience."""
    monkeypatch.setattr(client, "ANSWER_SECONDS", 0.2)
    monkeypatch.setattr(client, "THERE_SECONDS", 0.2)
    (tmp_path / "carelane.yaml").touch()
    run = tmp_path / ".carelane" / "run"
    run.mkdir(parents=True)
    monkeypatch.chdir(run)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("api.sock")
        listening.listen()
        yield Client(str(tmp_path))


def test_a_server_that_hangs_is_told_from_one_that_is_not_there(silent: Client) -> None:
    with pytest.raises(Unavailable, match="is there and does not answer") as caught:
        silent.get("/environments")
    assert "server.lock" in caught.value.hint
    assert not silent.answers()
