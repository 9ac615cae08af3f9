"""A front door for tests: routes as the real one does, and answers 503 by itself when nobody is behind it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
from aiohttp import web
from multidict import CIMultiDict

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length", "content-encoding", "date", "server"}


class FrontDoor:
    """Sends ``/api`` and ``/metrics`` to the backend's port and the rest to the frontend's."""

    def __init__(self, backend_port: int, frontend_port: int) -> None:
        """Route to these ports."""
        self._ports = backend_port, frontend_port

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        """Pass one request on."""
        port = self._ports[0 if request.path.startswith(("/api", "/metrics")) else 1]
        headers = [(name, value) for name, value in request.headers.items() if name.lower() not in _HOP_BY_HOP]
        try:
            async with self.session.request(
                request.method,
                f"http://127.0.0.1:{port}{request.path_qs}",
                headers=headers,
                data=await request.read(),
                allow_redirects=False,
            ) as answer:
                body = await answer.read()
        except aiohttp.ClientError:
            return web.Response(status=503, text="no healthy upstream")
        told = [(name, value) for name, value in answer.headers.items() if name.lower() not in _HOP_BY_HOP]
        return web.Response(status=answer.status, body=body, headers=CIMultiDict(told))

    async def open(self) -> int:
        """Listen, and return the port."""
        self.session = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        self._runner = web.ServerRunner(web.Server(self))  # type: ignore[arg-type]  # a callable object is a handler
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        port: int = self._runner.addresses[0][1]
        return port

    async def close(self) -> None:
        """Stop listening."""
        await self._runner.cleanup()
        await self.session.close()


@contextmanager
def opened(backend_port: int, frontend_port: int) -> Iterator[str]:
    """The address of a front door that runs in a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    door = FrontDoor(backend_port, frontend_port)
    try:
        yield f"http://127.0.0.1:{asyncio.run_coroutine_threadsafe(door.open(), loop).result(10)}"
    finally:
        asyncio.run_coroutine_threadsafe(door.close(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()
