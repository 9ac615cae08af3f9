"""What counts as lost, and what a browser would have sent again."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable

import pytest

from traffic.clients import Client, Outcome
from traffic.steps import Step
from traffic.visitors import Account, Visitor

GET = Step("page", "GET", "/")
POST = Step("form", "POST", "/", form={"a": "b"})
ANSWER = b"HTTP/1.1 200 OK\r\nx-app-version: v1\r\ncontent-length: 2\r\n\r\nok"

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


async def _request(reader: asyncio.StreamReader) -> None:
    head = await reader.readuntil(b"\r\n\r\n")
    if b"Content-Length: 3" in head:
        await reader.readexactly(3)


async def once_then_close(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer one request as if the connection would stay, and close it when the second arrives."""
    await _request(reader)
    writer.write(ANSWER)
    await _request(reader)


async def never(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Close the connection instead of answering."""
    del writer
    await _request(reader)


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read, and say nothing until the client gives up."""
    del writer
    await reader.read()


def _send(serve: Serve, *steps: Step) -> list[Outcome]:
    connections: set[asyncio.Task[None] | None] = set()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.add(asyncio.current_task())
        with contextlib.suppress(asyncio.IncompleteReadError):
            await serve(reader, writer)
        writer.close()
        await writer.wait_closed()

    async def run() -> list[Outcome]:
        server = await asyncio.start_server(connected, "127.0.0.1", 0)
        client = Client(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", 4, 0.5)
        visitor = Visitor(0, Account("clinician01", "demo", "token", 1))
        try:
            return [await client.send(step, visitor, time.monotonic(), time.monotonic()) for step in steps]
        finally:
            await client.close()
            server.close()
            await asyncio.gather(*filter(None, connections))

    return asyncio.run(run())


def test_a_page_on_a_kept_connection_that_closes_is_sent_again() -> None:
    """As browsers do: the user sees an answer, and it is counted apart."""
    first, second = _send(once_then_close, GET, GET)
    assert (first.status, first.retried, first.lost) == (200, False, "")
    assert (second.status, second.retried, second.lost, second.version) == (200, True, "", "v1")


def test_a_form_on_a_kept_connection_that_closes_is_lost() -> None:
    """Sent twice it might book twice."""
    _, form = _send(once_then_close, GET, POST)
    assert (form.status, form.retried) == (None, False)
    assert form.lost.startswith("connection: ")


@pytest.mark.parametrize(("serve", "reason"), [(never, "connection: "), (silent, "timeout")])
def test_no_answer_is_lost(serve: Serve, reason: str) -> None:
    """A new connection that breaks is not excused, nor is silence."""
    (outcome,) = _send(serve, GET)
    assert outcome.lost.startswith(reason)
    assert outcome.status is None
