"""/events: the trail as server-sent events, from any position on."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Annotated

from fastapi import APIRouter, Header, Query
from fastapi.responses import StreamingResponse
from pydantic import TypeAdapter

from carelane.api.limits import Position
from carelane.audit.entries import Positioned
from carelane.bootstrap.app import App

KEEP_ALIVE_SECONDS = 15.0
AGAIN_SECONDS = 0.1
_LIST = TypeAdapter(list[Positioned])


def routes(app: App) -> APIRouter:
    """The routes of this noun."""
    router = APIRouter(prefix="/events", tags=["events"])

    @router.get("", summary="The trail as server-sent events; an event's id is its position")
    async def events(
        after: Position | None = None,
        last_event_id: Annotated[Position | None, Header()] = None,
    ) -> StreamingResponse:
        position = last_event_id if last_event_id is not None else after or 0
        return StreamingResponse(_stream(app, position), media_type="text/event-stream")

    @router.get("/list", summary="A part of the trail as a list")
    def list_events(
        after: Position = 0, limit: Annotated[int, Query(ge=1, le=1000)] = 100
    ) -> list[Positioned]:
        return app.trail.after(after, limit)

    return router


async def _stream(app: App, position: int) -> AsyncIterator[str]:
    """Followers wait without a thread each: as many as like may follow, and nobody's write waits for them."""
    quiet = 0.0
    while True:
        if app.trail.last_position() <= position:
            await asyncio.sleep(AGAIN_SECONDS)
            quiet += AGAIN_SECONDS
            if quiet >= KEEP_ALIVE_SECONDS:
                quiet = 0.0
                yield ": still here\n\n"
            continue
        quiet = 0.0
        for positioned in await asyncio.to_thread(app.trail.after, position):
            position = positioned.position
            entry = _LIST.dump_python([positioned], mode="json")[0]
            yield f"id: {position}\nevent: {positioned.entry.act}\ndata: {json.dumps(entry)}\n\n"
