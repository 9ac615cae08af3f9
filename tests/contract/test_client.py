"""The command line's conversation with a server that takes its time, or never answers."""

import contextlib
import os
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from carelane.base.errors import PlatformError, Stuck
from carelane.base.unix_http import short_address
from carelane.cli import client
from carelane.cli.client import Client
from carelane.cli.server import left_running

ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"


class Server:
    """Answers what is asked of /system at once while it lives, and everything else once it is let go."""

    def __init__(self, path: Path) -> None:
        self.lives = True
        self.asked = 0
        self.let_go = threading.Event()
        self._listening = socket.socket(socket.AF_UNIX)
        with short_address(path) as address:
            self._listening.bind(address)
        self._listening.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            threading.Thread(target=self._answer, args=(connection,), daemon=True).start()

    def _answer(self, connection: socket.socket) -> None:
        with connection:
            wanted = connection.recv(4096).split()[1]
            if wanted == b"/api/v1/system" and self.lives:
                self.asked += 1
                if self.asked == 3:
                    self.let_go.set()
            else:
                self.let_go.wait(10)
            with contextlib.suppress(BrokenPipeError):  # nobody may be waiting any more
                connection.sendall(ANSWER)

    def close(self) -> None:
        self.let_go.set()
        self._listening.close()


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(client, "REACHABLE_SECONDS", 0.1)
    (tmp_path / "carelane.yaml").touch()
    (tmp_path / ".carelane" / "run").mkdir(parents=True)
    made = Server(tmp_path / ".carelane" / "run" / "api.sock")
    yield made
    made.close()


def test_an_answer_that_takes_its_time_is_waited_for_while_the_server_lives(
    server: Server, tmp_path: Path
) -> None:
    assert Client(str(tmp_path)).get("/releases") == {}
    assert server.asked >= 3


def test_a_server_that_gives_no_sign_of_life_is_named(server: Server, tmp_path: Path) -> None:
    server.lives = False
    with pytest.raises(Stuck, match=rf"\(pid {os.getpid()}\) gives no sign of life") as caught:
        Client(str(tmp_path)).get("/releases")
    assert "server.log" in caught.value.hint
    with pytest.raises(Stuck):
        Client(str(tmp_path)).answers()


def test_what_a_server_could_not_end_is_named_by_down_and_silence_is_no_success(tmp_path: Path) -> None:
    (tmp_path / "carelane.yaml").touch()
    said = tmp_path / ".carelane" / "run" / "ended.json"
    said.parent.mkdir(parents=True)
    mine = Client(str(tmp_path))
    with pytest.raises(PlatformError, match="ended before it could say what still runs"):
        left_running(mine, 17)
    said.write_text('{"pid": 16, "still_running": []}')
    with pytest.raises(PlatformError, match="ended before it could say what still runs"):
        left_running(mine, 17)
    said.write_text('{"pid": 17, "still_running": ["web-1"]}')
    assert left_running(mine, 17) == ["web-1"]
