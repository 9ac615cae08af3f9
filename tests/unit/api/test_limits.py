"""How much one who asks may take."""

import asyncio
import json
from typing import Any

import pytest

from carelane.api import limits
from carelane.api.limits import BODY_BYTES, Connections, LimitsMiddleware

Sent = list[dict[str, Any]]


def asked(
    *parts: bytes, path: str = "/x", query: bytes = b"", length: int | None = None, leaves: bool = False
) -> tuple[int | None, str, list[bytes]]:
    """The status and detail of the answer to a body in *parts*; and the bodies that came through."""
    through: list[bytes] = []
    sent: Sent = []

    async def inner(_: Any, receive: Any, send: Any) -> None:  # noqa: ANN401 - ASGI
        through.append((await receive())["body"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b'{"detail": ""}'})

    messages = [{"type": "http.request", "body": part, "more_body": True} for part in parts]
    if leaves:
        messages.append({"type": "http.disconnect"})
    elif messages:
        messages[-1]["more_body"] = False

    async def receive() -> dict[str, Any]:
        if not messages:
            await asyncio.Event().wait()
        return messages.pop(0)

    async def send(message: Any) -> None:  # noqa: ANN401 - ASGI
        sent.append(message)

    headers = [] if length is None else [(b"content-length", str(length).encode())]
    scope = {"type": "http", "method": "POST", "path": path, "query_string": query, "headers": headers}
    asyncio.run(LimitsMiddleware(inner)(scope, receive, send))
    if not sent:
        return None, "", through
    return sent[0]["status"], json.loads(sent[1]["body"])["detail"], through


def test_a_body_in_parts_comes_through_as_one() -> None:
    assert asked(b"a", b"b", b"") == (200, "", [b"ab"])


def test_a_body_that_says_that_it_is_too_long_is_not_read() -> None:
    status, detail, through = asked(b"a", length=BODY_BYTES + 1)
    assert (status, through) == (413, [])
    assert str(BODY_BYTES + 1) in detail


def test_a_body_that_does_not_say_so_is_read_no_further() -> None:
    status, _, through = asked(b"a" * BODY_BYTES, b"b", b"c" * BODY_BYTES)
    assert (status, through) == (413, [])


@pytest.mark.parametrize("body", [b'{"a": "\\u0000"}', b'{"a": "\\\\\\u0000"}', b"\0"])
def test_a_nul_character_in_a_body_is_refused(body: bytes) -> None:
    assert asked(body)[0] == 400


def test_words_that_only_look_like_one_are_not() -> None:
    assert asked(b'{"a": "\\\\u0000"}')[0] == 200


@pytest.mark.parametrize(("path", "query"), [("/a\0b", b""), ("/a", b"x=%00")])
def test_a_nul_character_in_an_address_is_refused(path: str, query: bytes) -> None:
    assert asked(b"", path=path, query=query)[0] == 400


def test_who_leaves_in_the_middle_is_not_answered() -> None:
    assert asked(b"a", leaves=True) == (None, "", [])


def test_a_body_that_does_not_come_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "BODY_SECONDS", 0.01)
    assert asked()[0] == 408


def test_one_process_takes_no_more_than_its_share_and_all_no_more_than_there_is() -> None:
    connections = Connections(most=3, each=2)
    assert [connections.take(pid) for pid in (1, 1, 1, 2, 2)] == [True, True, False, True, False]
    connections.give(1)
    assert connections.take(2)
    connections.give(2)
    connections.give(2)
    assert [connections.take(3), connections.take(3), connections.take(3)] == [True, True, False]
