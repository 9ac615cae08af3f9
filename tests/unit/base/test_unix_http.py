"""A kept connection, with connections that do what a test says."""

import http.client
from typing import Any

import pytest

from carelane.base.unix_http import KeptConnection


class Answer:
    """A good answer."""

    status = 200

    def __init__(self, body: bytes) -> None:
        self.body = body

    def read(self) -> bytes:
        return self.body


class Scripted(http.client.HTTPConnection):
    """Answers each request with the next of *script*: a body, or an error."""

    def __init__(self, script: list[bytes | Exception]) -> None:
        super().__init__("localhost")
        self.script = script

    def request(self, *_: object, **__: object) -> None:
        pass

    def getresponse(self) -> Any:  # noqa: ANN401 - what is read of an answer
        said = self.script.pop(0)
        if isinstance(said, Exception):
            raise said
        return Answer(said)


def kept(*scripts: list[bytes | Exception]) -> KeptConnection:
    """A kept connection to a server that each new connection meets with the next script."""
    left = list(scripts)
    return KeptConnection(lambda: Scripted(left.pop(0)))


def test_one_connection_is_used_again() -> None:
    connection = kept([b"a", b"b"])
    assert [connection.get("/"), connection.get("/")] == [(200, b"a"), (200, b"b")]


def test_a_connection_that_the_other_side_closed_is_made_anew_once() -> None:
    connection = kept([b"a", http.client.RemoteDisconnected("closed")], [b"b"])
    assert [connection.get("/"), connection.get("/")] == [(200, b"a"), (200, b"b")]


def test_a_fresh_connection_that_fails_is_not_tried_again() -> None:
    connection = kept([ConnectionRefusedError()], [b"never asked"])
    with pytest.raises(ConnectionRefusedError):
        connection.get("/")


def test_when_the_second_try_fails_too_the_error_is_the_callers_and_the_next_call_begins_anew() -> None:
    connection = kept([b"a", http.client.RemoteDisconnected("closed")], [ConnectionRefusedError()], [b"b"])
    connection.get("/")
    with pytest.raises(ConnectionRefusedError):
        connection.get("/")
    assert connection.get("/") == (200, b"b")
