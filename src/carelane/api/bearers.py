"""Requests by token: who bears one is its bearer, also where the kernel would name a user.

On the pipeline's socket nobody is known by their user.
"""

import asyncio

from starlette.types import ASGIApp, Receive, Scope, Send

from carelane.access import tokens
from carelane.api.actors import BEARER, GRANTED
from carelane.api.problems import problem
from carelane.base.clock import Clock
from carelane.base.errors import CarelaneError, NotSignedIn
from carelane.bootstrap.app import App

PIPELINE = "pipeline"
"""What the client's address says where a request came through the pipeline's socket."""


class BearerMiddleware:
    """Lets a token's bearer do what the token says, under the token's name."""

    def __init__(self, inner: ASGIApp, app: App, clock: Clock) -> None:
        self._inner = inner
        self._tokens = app.tokens
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass through what a user asks, without a token."""
        if scope["type"] == "lifespan" or not (_is_pipeline(scope) or _bears(scope)):
            await self._inner(scope, receive, send)
            return
        if scope["type"] == "websocket":  # nothing that is typed into is a pipeline's
            await send({"type": "websocket.close", "code": 1008})
            return
        try:
            token = await asyncio.to_thread(self._bearer, scope)
            granted = tokens.check(token, scope["method"], scope["path"])
        except CarelaneError as error:
            await problem(error)(scope, receive, send)
            return
        by_token = {"client": (f"{BEARER}{token.actor}", 0), GRANTED: granted}
        await self._inner({**scope, **by_token}, receive, send)

    def _bearer(self, scope: Scope) -> tokens.Token:
        scheme, _, value = _given(scope).partition(" ")
        found = self._tokens.by_digest(tokens.digest(value.strip())) if scheme.lower() == "bearer" else None
        if found is None or not found.valid(self._clock.now()):
            raise NotSignedIn(
                "no valid token came with the request",
                hint="CARELANE_TOKEN; `carelane token create` makes one",
            )
        return found


def _is_pipeline(scope: Scope) -> bool:
    return (scope.get("client") or ("",))[0] == PIPELINE


def _bears(scope: Scope) -> bool:
    return bool(_given(scope))


def _given(scope: Scope) -> str:
    return str(dict(scope.get("headers") or ()).get(b"authorization", b"").decode("latin-1"))
