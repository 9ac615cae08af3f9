"""A service whose answers last: WebSockets, events, slow downloads and uploads.

PORT and APP_VERSION say where and what. On SIGTERM it ends what it has.
"""

import asyncio
import os
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

VERSION = os.environ.get("APP_VERSION", "v1")


async def version(_: Request) -> Response:
    """Says which version this is."""
    return PlainTextResponse(VERSION)


async def events(request: Request) -> Response:
    """``count`` events (none: without end), ``every`` so many seconds."""
    every, count = (
        float(request.query_params.get("every", "0.1")),
        int(request.query_params.get("count", "0")),
    )

    async def made() -> AsyncIterator[str]:
        number = 0
        while not count or number < count:
            number += 1
            yield f"data: {VERSION} {number}\n\n"
            await asyncio.sleep(every)

    return StreamingResponse(made(), media_type="text/event-stream")


async def silent(request: Request) -> Response:
    """Answers after ``seconds``."""
    await asyncio.sleep(float(request.query_params["seconds"]))
    return PlainTextResponse(VERSION)


async def upload(request: Request) -> Response:
    """How many bytes came."""
    size = 0
    async for part in request.stream():
        size += len(part)
    return PlainTextResponse(str(size))


async def echo(socket: WebSocket) -> None:
    """Says each text again, behind the version; ``close`` ends it from here."""
    await socket.accept()
    async for text in socket.iter_text():
        if text == "close":
            await socket.close()
            return
        await socket.send_text(f"{VERSION}: {text}")


app = Starlette(
    routes=[
        Route("/", version),
        Route("/ready", version),
        Route("/version", version),
        Route("/events", events),
        Route("/silent", silent),
        Route("/upload", upload, methods=["POST"]),
        WebSocketRoute("/socket", echo),
    ]
)

if __name__ == "__main__":
    uvicorn.run(
        app,
        host="127.0.0.1",
        port=int(os.environ["PORT"]),
        log_level="warning",
        ws="websockets-sansio",
        ws_ping_interval=None,
    )
