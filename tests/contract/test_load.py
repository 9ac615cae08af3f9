"""What the load of tests and bench counts as lost, on a server that closes in each way there is."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.load import Kept, Load
from tests.waiting import until

ANSWER = b"HTTP/1.1 200 OK\r\nx-app-version: v1\r\ncontent-length: 2\r\n\r\nok"


class Server:
    """Answers the first request on its first connection, then does *next* with that one; then all."""

    def __init__(self, then: Callable[[socket.socket], None]) -> None:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.read = 0
        self._then = then
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            first, _ = self._listening.accept()
            with first:
                self._answer(first)
                self._then(first)
            while True:
                connection, _ = self._listening.accept()
                with connection:
                    self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        if connection.recv(4096):
            self.read += 1
            connection.sendall(ANSWER)

    def end(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


@pytest.fixture
def serving() -> Iterator[Callable[[Callable[[socket.socket], None]], Server]]:
    servers: list[Server] = []

    def make(then: Callable[[socket.socket], None]) -> Server:
        servers.append(Server(then))
        return servers[-1]

    yield make
    for server in servers:
        server.end()


def at_once(_: socket.socket) -> None:
    """Close it while it is idle."""


def when_read(connection: socket.socket) -> None:
    """Read the next request, and close without an answer."""
    connection.recv(4096)


def test_a_connection_closed_while_idle_is_opened_again_and_nothing_is_repeated(
    serving: Callable[..., Server],
) -> None:
    server = serving(at_once)
    load = Load(server.port)
    _, kept = load.once(0.0, None)
    assert kept is not None
    until(kept.closed, 5.0, "the server has closed it")
    answer, again = load.once(0.0, kept)
    assert (answer.status, answer.lost, answer.retried) == (200, False, False)
    assert again is not None
    again.close()


def test_a_request_that_crossed_the_closing_is_sent_once_more_and_counted(
    serving: Callable[..., Server], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serving(at_once)
    load = Load(server.port)
    _, kept = load.once(0.0, None)
    assert kept is not None
    until(kept.closed, 5.0, "the server has closed it")
    monkeypatch.setattr(Kept, "closed", lambda _: False)  # as if it came a moment later
    answer, again = load.once(0.0, kept)
    assert (answer.status, answer.lost, answer.retried) == (200, False, True)
    assert server.read == 2
    assert again is not None
    again.close()


def test_a_request_that_was_read_and_not_answered_is_lost(serving: Callable[..., Server]) -> None:
    server = serving(when_read)
    load = Load(server.port)
    _, kept = load.once(0.0, None)
    answer, again = load.once(0.0, kept)
    assert (answer.status, answer.lost, answer.retried, again) == (None, True, False, None)
