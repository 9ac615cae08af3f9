"""/environments/NAME/services/SERVICE/logs: what the instances printed."""

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.responses import PlainTextResponse, StreamingResponse

from carelane.api.limits import Name
from carelane.base.errors import InputError, NotFoundError
from carelane.bootstrap.app import App
from carelane.delivery.deployments import Phase
from carelane.delivery.ports import LogReader

AGAIN_SECONDS = 0.2


def routes(app: App) -> APIRouter:
    """The routes of this noun."""
    router = APIRouter(prefix="/environments/{name}/services/{service}/logs", tags=["logs"])

    @router.get("", summary="The last lines of each instance, or of its run before; followed if asked")
    async def logs(
        name: Name,
        service: Name,
        tail: Annotated[int, Query(ge=0, le=100_000)] = 100,
        previous: bool = False,
        follow: bool = False,
    ) -> PlainTextResponse:
        app.operations.engine(name)
        if previous and follow:
            raise InputError("a run before is over: it cannot be followed", hint="leave out one of them")
        reader = app.environments[name].logs.logs(service, previous=previous)
        if not reader.has_any():
            raise NotFoundError(
                f"{name} has no log of {service}{' from a run before' if previous else ''}{_why(app, name)}",
                hint="`carelane status` lists its services",
            )
        text = await asyncio.to_thread(reader.tail, tail, go_on=follow)
        if not follow:
            return PlainTextResponse(text)
        return StreamingResponse(_follow(text, reader), media_type="text/plain")  # type: ignore[return-value]

    return router


def _why(app: App, environment: str) -> str:
    """What its last deployment ended with, where it failed: nothing may have run at all."""
    last = next(iter(app.repository.deployments(environment, 1)), None)
    if last is None or last.phase is not Phase.FAILED:
        return ""
    return f"; deployment {last.id} failed: {last.message}"


async def _follow(text: str, reader: LogReader) -> AsyncIterator[str]:
    yield text
    while True:
        await asyncio.sleep(AGAIN_SECONDS)
        more = await asyncio.to_thread(reader.more)
        if more:
            yield more
