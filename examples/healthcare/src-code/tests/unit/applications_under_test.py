"""Asking an ASGI application directly, without a socket."""

import asyncio
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from service_kit import faults, lifecycles, settings


@dataclass(frozen=True)
class Answer:
    """What an application answered."""

    status: int
    headers: dict[str, str]
    body: bytes


def ask(app: ASGIApp, path: str, method: str = "GET") -> Answer:
    """The answer of *app* to one request."""
    messages: list[MutableMapping[str, Any]] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Message) -> None:
        messages.append(message)

    asyncio.run(_run(app, {"type": "http", "path": path, "method": method, "headers": []}, receive, send))
    headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
    return Answer(messages[0]["status"], headers, b"".join(message.get("body", b"") for message in messages[1:]))


async def _run(app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
    await app(scope, receive, send)


async def greeting(scope: Scope, _: Receive, send: Send) -> None:
    """An application that answers everything with 200."""
    del scope
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"hello"})


def lifecycle(fault: faults.Fault = faults.NONE) -> lifecycles.Lifecycle:
    """A process of version v1.0 with *fault*."""
    service = settings.ServiceSettings("backend", "127.0.0.1", 0, "v1.0", "abc", 1.0, "INFO", fault)
    return lifecycles.Lifecycle(service)
