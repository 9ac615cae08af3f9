"""Sending one request and judging what its user saw."""

import asyncio
import time
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import aiohttp

from traffic import steps
from traffic.visitors import SESSION, Account, Visitor

VERSION_HEADER = "x-app-version"
_PROXY_STATUSES = frozenset({502, 503, 504})
_KEEP_ALIVE_SECONDS = 60
DEMO_PASSWORD = "carelane-demo"  # noqa: S105 - the synthetic accounts of the README


@dataclass(frozen=True)
class Outcome:
    """What a user saw of one request.

    Attributes:
        seconds: From the moment it was due, not from when it could be sent.
        status: None where no answer came.
        version: Of the release that answered; "" where the proxy did, or nobody.
        lost: Why it counts as lost, "" when it does not: no answer, or one that the proxy made up.
        retried: Sent again because a kept-alive connection was closed, as a browser would.
    """

    step: str
    visitor: int
    due_seconds: float
    seconds: float
    status: int | None
    version: str
    lost: str
    retried: bool


class Client:
    """A pool of kept-alive connections that all visitors share."""

    def __init__(self, url: str, connections: int, timeout_seconds: float) -> None:
        """Send to *url*; needs a running event loop."""
        self._session = aiohttp.ClientSession(
            url,
            connector=aiohttp.TCPConnector(limit=connections, keepalive_timeout=_KEEP_ALIVE_SECONDS),
            timeout=aiohttp.ClientTimeout(total=timeout_seconds),
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[_connection_watch()],
        )

    async def close(self) -> None:
        """Close all connections."""
        await self._session.close()

    async def send(self, step: steps.Step, visitor: Visitor, due: float, began: float) -> Outcome:
        """Send *step*, which is *due* at that moment of ``time.monotonic``; the run *began* at the other."""
        connections: list[str] = []
        status, version, lost = None, "", ""
        try:
            status, version = await self._exchange(step, visitor, connections)
            if status in _PROXY_STATUSES and not version:
                lost = f"proxy {status}"
        except TimeoutError:
            lost = "timeout"
        except (aiohttp.ClientError, OSError) as error:
            lost = f"connection: {type(error).__name__}"
        if status is None:
            visitor.planned.clear()  # a page that did not come has no form to send
        retried = len(connections) > 1
        if retried and connections[0] == "new" and not lost:
            lost = "connection: a new one broke"
        now = time.monotonic()
        return Outcome(step.name, visitor.number, due - began, now - due, status, version, lost, retried)

    async def _exchange(self, step: steps.Step, visitor: Visitor, connections: list[str]) -> tuple[int, str]:
        headers = {"cookie": visitor.cookie_header()}
        if step.api:
            headers["authorization"] = f"Bearer {visitor.cookies.get(SESSION, '')}"
        async with self._session.request(
            step.method,
            step.path,
            data=step.form,
            json=step.json,
            headers=headers,
            allow_redirects=False,
            trace_request_ctx=connections,
        ) as answer:
            body = await answer.read()
        if "set-cookie" in answer.headers:
            visitor.absorb(answer.headers.getall("set-cookie"))
        if step.learn:
            step.learn(visitor, answer.status, body.decode("utf-8", "replace"))
        return answer.status, answer.headers.get(VERSION_HEADER, "")

    async def sign_in(self, username: str) -> Account:
        """Sign in, again and again until the session's time-out: the run cannot begin without.

        Raises:
            TimeoutError: If it did not work in time.
        """
        async with asyncio.timeout(self._session.timeout.total):
            while (told := await self._try_sign_in(username)) is None:  # noqa: ASYNC110 - nobody tells us when
                await asyncio.sleep(0.2)
        return Account(username, DEMO_PASSWORD, told["token"], told["clinician_id"])

    async def _try_sign_in(self, username: str) -> dict[str, Any] | None:
        try:
            credentials = {"username": username, "password": DEMO_PASSWORD}
            async with self._session.post("/api/sessions", json=credentials) as answer:
                told: dict[str, Any] | None = await answer.json() if answer.status == 201 else None  # noqa: PLR2004
        except (aiohttp.ClientError, OSError):
            return None
        return told


def _connection_watch() -> aiohttp.TraceConfig:
    """Notes for every request which connections it went over; a second one means aiohttp sent it again."""
    watch: aiohttp.TraceConfig = aiohttp.TraceConfig()

    async def opened(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        if context.trace_request_ctx is not None:
            context.trace_request_ctx.append("new")

    async def reused(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        if context.trace_request_ctx is not None:
            context.trace_request_ctx.append("kept")

    watch.on_connection_create_end.append(opened)
    watch.on_connection_reuseconn.append(reused)
    return watch
