"""What one who asks may take of the server: bytes, time, connections; and what is no text."""

import asyncio
import contextlib
import re
from collections import Counter
from typing import Annotated

import structlog
from pydantic import BeforeValidator, Field
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from carelane.api.problems import MOST, problem
from carelane.base.errors import CarelaneError, InputError, TooLarge
from carelane.base.reasons import LONGEST

BODY_BYTES = 1 << 20
BODY_SECONDS = 30.0
READ_ON_BYTES, READ_ON_SECONDS = 16 << 20, 2.0
ASK_SECONDS = 10.0
"""How long a connection may be open with no whole request on it."""
Number = Annotated[int, Field(ge=1, le=MOST)]
"""A deployment's, a revision's or a step's."""


def _no_other(value: object) -> object:
    if isinstance(value, bool | str):
        raise ValueError("it should be a number")  # noqa: TRY004 - what pydantic reads
    return value


Whole = Annotated[int, Field(ge=1, le=MOST), BeforeValidator(_no_other)]
"""The same in a body, where ``true`` and ``"1"`` are none."""
Position = Annotated[int, Field(ge=0, le=MOST)]
TEXT = r"^[^\u0000]*$"
Name = Annotated[str, Field(min_length=1, max_length=200, pattern=TEXT)]
Reason = Annotated[str, Field(max_length=LONGEST, pattern=TEXT)]
_NUL = re.compile(rb"(?<!\\)(?:\\\\)*\\u0000|\0")
log = structlog.get_logger()


class LimitsMiddleware:
    """Reads a request's body before anybody else sees it, and refuses what is too much of it."""

    def __init__(self, inner: ASGIApp) -> None:
        self._inner = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass on a request that is whole, not too long, and text."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        try:
            if b"\0" in scope["path"].encode() or b"%00" in scope.get("query_string", b""):
                raise InputError("the address has a NUL character: nothing is called so")
            body = await asyncio.wait_for(_whole(scope, receive), BODY_SECONDS)
            if body is None:
                return
            if _NUL.search(body):
                raise InputError("the body has a NUL character: no text here has one")
        except TimeoutError:
            await problem(InputError(f"the body did not come within {BODY_SECONDS:g} s"), 408)(
                scope, receive, send
            )
            return
        except CarelaneError as error:
            if isinstance(error, TooLarge):
                await _let_finish(receive)
            await problem(error)(scope, receive, send)
            return
        await self._inner(scope, _given(body, receive), send)


async def _whole(scope: Scope, receive: Receive) -> bytes | None:
    """The request's body as `body_of` reads it, unless it says beforehand that it is too long."""
    said = dict(scope.get("headers") or ()).get(b"content-length", b"0")
    if said.isdigit() and int(said) > BODY_BYTES:
        raise TooLarge(f"a body of {int(said)} bytes: nothing that is asked has more than {BODY_BYTES}")
    return await body_of(receive)


async def body_of(receive: Receive) -> bytes | None:
    """A request's body; None where the client left before its end.

    Raises:
        TooLarge: If it is longer than anything that can be asked.
    """
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body.extend(message.get("body", b""))
        if len(body) > BODY_BYTES:
            raise TooLarge(f"the body has more than {BODY_BYTES} bytes: nothing that is asked has")
        if not message.get("more_body"):
            return bytes(body)


async def _let_finish(receive: Receive) -> None:
    """Read on a little and keep nothing: who is cut off in the middle of sending reads no answer."""
    left = READ_ON_BYTES
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(READ_ON_SECONDS):
            while left > 0:
                message = await receive()
                if not message.get("more_body"):
                    return
                left -= len(message.get("body", b""))


def _given(body: bytes, receive: Receive) -> Receive:
    """The body as one message, and then what comes: that the client left."""
    first = True

    async def given() -> Message:
        nonlocal first
        if first:
            first = False
            return {"type": "http.request", "body": body, "more_body": False}
        return await receive()

    return given


class Connections:
    """How many are open, by socket and by process at the other end; in one thread, the event loop's.

    What may be open on all sockets together is less than the descriptors that the server has at least
    (`bootstrap/limits.py`): whoever opens what they may on the pipelines' socket, people get through.
    """

    def __init__(self, most: int, each: int) -> None:
        self._most = most
        self._each = each
        self._open: Counter[int] = Counter()
        self._refused = False

    def take(self, pid: int) -> bool:
        """One more of process *pid*; False where that is too many."""
        if sum(self._open.values()) >= self._most or self._open[pid] >= self._each:
            if not self._refused:  # once, until there is room again: else the log is what fills the disk
                log.warning("too many connections: more are closed", pid=pid, open=self._open[pid])
            self._refused = True
            return False
        self._open[pid] += 1
        return True

    def give(self, pid: int) -> None:
        """One of process *pid* is closed."""
        self._open[pid] -= 1
        if not self._open[pid]:
            del self._open[pid]
        self._refused = False
