"""Idempotency keys: a write repeated under the same key is answered as the first time, and done once."""

import asyncio
import hashlib

import structlog
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from carelane.access.answers import Answered
from carelane.api.actors import actor_of
from carelane.api.limits import body_of
from carelane.api.problems import problem
from carelane.audit import effects
from carelane.audit.effects import Effects
from carelane.base.errors import ConflictError, DiskFull, InputError, InvariantError, NotSignedIn
from carelane.bootstrap.app import App

log = structlog.get_logger()
HEADER = b"idempotency-key"
URGENT = ("/emergency-rollback", "/system/prune")
"""What is done on a full disk, too: the one undoes a bad release, the other makes room."""
FAILED = 500
LONGEST_KEY = 255
TOKENS = "/api/v1/tokens"
_TOLD_ONCE = ConflictError(
    "the token was made by the first request with this key, and its value was told then: it is not kept",
    hint="`carelane token revoke` ends it; then make another, with a new key",
)
_UNKNOWN_END = InvariantError(
    "the first request with this key failed in a way nobody expected, perhaps after it was recorded",
    hint="see `carelane deployments list` for what came of it, then ask again with a new key",
)


class IdempotencyMiddleware:
    """Answers repeated writes from what was kept."""

    def __init__(self, inner: ASGIApp, app: App) -> None:
        self._inner = inner
        self._answers = app.answers
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass through whatever is no write with a key."""
        key = dict(scope.get("headers") or ()).get(HEADER)
        if scope["type"] != "http" or scope["method"] != "POST" or key is None:
            await self._inner(scope, receive, send)
            return
        try:
            actor = actor_of(scope.get("client"))
        except NotSignedIn as error:
            await problem(error)(scope, receive, send)
            return
        if len(key) > LONGEST_KEY:
            words = f"an idempotency key has {LONGEST_KEY} characters at most, this one {len(key)}"
            await problem(InputError(words))(scope, receive, send)
            return
        body = await body_of(receive)
        if body is None:
            return  # the client left in the middle: nothing was asked yet
        name = key.decode("latin-1")
        asked = scope["path"].encode() + b"?" + scope.get("query_string", b"")
        digest = hashlib.sha256(asked + b"\n" + body).hexdigest()
        try:
            known = await asyncio.to_thread(self._claim, scope["path"], actor, name, digest)
        except DiskFull as error:
            await problem(error)(scope, receive, send)
            return
        if known is None:
            await self._first(scope, body, send, actor, name)
        elif known.request_digest != digest:
            other = InputError("this idempotency key was used for another request", hint="use a new key")
            await problem(other, 422)(scope, receive, send)
        elif known.status is None:
            again = ConflictError(
                "the first request with this key is not answered", hint="see `carelane deployments list`"
            )
            await problem(again)(scope, receive, send)
        else:
            await _send(send, known.status, known.body or b"")

    def _claim(self, path: str, actor: str, key: str, digest: str) -> Answered | None:
        """What is urgent takes the room that is kept back, where there is none to write its key in."""
        while True:
            try:
                return self._answers.claim(actor, key, digest)
            except DiskFull:
                if not path.endswith(URGENT) or not self._app.room.make():
                    raise

    async def _first(self, scope: Scope, body: bytes, send: Send, actor: str, key: str) -> None:
        status, answer = FAILED, bytearray()

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def keeping(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            elif message["type"] == "http.response.body":
                answer.extend(message.get("body", b""))
            await send(message)

        with effects.noticed() as noticed:
            try:
                await self._inner(scope, receive, keeping)
            finally:
                status, kept = _kept(scope["path"], status, bytes(answer))
                await asyncio.to_thread(self._settle, actor, key, status, kept, noticed)

    def _settle(self, actor: str, key: str, status: int, answer: bytes, noticed: Effects) -> None:
        """An effect keeps its answer, whatever it is; a refusal that recorded nothing frees the key."""
        try:
            if status == FAILED:
                self._answers.keep(actor, key, status, bytes(problem(_UNKNOWN_END).body))
            elif status < 400 or noticed.recorded:
                self._answers.keep(actor, key, status, answer)
            else:
                self._answers.release(actor, key)
        except DiskFull:  # the answer is on its way; asked again, the key says that it is not known
            log.exception("an answer cannot be kept", key=key)


def _kept(path: str, status: int, answer: bytes) -> tuple[int, bytes]:
    """What is told whoever asks again: never a secret, which was told once and is kept nowhere."""
    if path == TOKENS and status < 400:
        return _TOLD_ONCE.status, bytes(problem(_TOLD_ONCE).body)
    return status, answer


async def _send(send: Send, status: int, body: bytes) -> None:
    headers = [(b"content-type", b"application/json"), (b"idempotency-replayed", b"true")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
