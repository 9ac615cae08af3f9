"""The front desk's portal: pages, uploads, events, WebSockets, and letters that a worker is to send."""

import asyncio
import hashlib
import os
from collections.abc import AsyncIterator

import psycopg
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

VERSION = os.environ["APP_VERSION"]
URL = os.environ["DATABASE_URL"]
KEY = hashlib.sha256(os.environ["SESSION_KEY"].encode()).hexdigest()


async def page(_: Request) -> Response:
    """Which version this is, how it greets, and a digest of its secret."""
    return JSONResponse({"version": VERSION, "greeting": os.environ["GREETING"], "key": KEY})


async def version(_: Request) -> Response:
    """The version."""
    return PlainTextResponse(VERSION)


async def upload(request: Request) -> Response:
    """How many bytes came, and who took them."""
    size = 0
    async for part in request.stream():
        size += len(part)
    return JSONResponse({"bytes": size, "version": VERSION})


async def events(request: Request) -> Response:
    """So many events, a tenth of a second apart."""

    async def made() -> AsyncIterator[str]:
        for number in range(int(request.query_params["count"])):
            yield f"data: {VERSION} {number}\n\n"
            await asyncio.sleep(0.1)

    return StreamingResponse(made(), media_type="text/event-stream")


async def socket(connection: WebSocket) -> None:
    """Says each text again, behind the version."""
    await connection.accept()
    async for text in connection.iter_text():
        await connection.send_text(f"{VERSION}: {text}")


def write_letter(_: Request) -> Response:
    """A letter that is to be sent."""
    with psycopg.connect(URL, autocommit=True) as database:
        made = database.execute("INSERT INTO letters DEFAULT VALUES RETURNING id").fetchone()
    return JSONResponse({"id": None if made is None else made[0]}, 201)


def letters(_: Request) -> Response:
    """By whom each letter was sent."""
    with psycopg.connect(URL) as database:
        return JSONResponse({str(i): by for i, by in database.execute("SELECT id, done_by FROM letters")})


app = Starlette(
    routes=[
        Route("/", page),
        *(Route(path, version) for path in ("/ready", "/live", "/version")),
        Route("/upload", upload, methods=["POST"]),
        Route("/events", events),
        Route("/letters", write_letter, methods=["POST"]),
        Route("/letters", letters),
        WebSocketRoute("/socket", socket),
    ]
)

if __name__ == "__main__":
    port = int(os.environ["PORT"])
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="warning", ws_ping_interval=None)
