"""/environments/NAME/instances/INSTANCE/terminal: a command that somebody types into, over a WebSocket.

To the server: binary messages are what is typed; `{"rows", "columns"}` is the terminal's new size,
`{"end": true}` the end of what is typed. To the client: binary messages are what is said, behind a byte that
says where (1 standard output, 2 standard error); `{"taken": 1}` acknowledges a message that was typed, where
the client asked for that (`base/acknowledging.py`); the last message is `{"exit_code"}` or `{"problem"}`.
"""

import asyncio
import contextlib
import json
import queue
import threading
from typing import Annotated, Any

from fastapi import APIRouter, Query, WebSocket, WebSocketDisconnect

from carelane.access.rights import ALL
from carelane.api.actors import actor_of, rights_of
from carelane.api.limits import Name
from carelane.api.problems import document
from carelane.api.services import recorded
from carelane.base.acknowledging import ACKNOWLEDGED, MOST_AHEAD
from carelane.base.errors import CarelaneError, ConflictError
from carelane.bootstrap.app import App
from carelane.delivery.looking import Screen, Terminal

MOST_OPEN = 16
WAITING = 2 * MOST_AHEAD
"""Messages that were typed and nobody has read yet: beyond them a client that counts none waits."""
Word = Annotated[str, Query(min_length=1, max_length=4096)]


def routes(app: App) -> APIRouter:
    """The route of this noun."""
    router = APIRouter(prefix="/environments/{name}", tags=["services"])
    open_now = threading.BoundedSemaphore(MOST_OPEN)

    @router.websocket("/instances/{instance}/terminal")
    async def terminal(
        socket: WebSocket,
        name: Name,
        instance: Name,
        command: Annotated[list[Word], Query(min_length=1, max_length=256)],
        rows: Annotated[int | None, Query(ge=1, le=1000)] = None,
        columns: Annotated[int | None, Query(ge=1, le=1000)] = None,
        kind: Annotated[str, Query(max_length=64, pattern=r"^[A-Za-z0-9._+-]+$")] = "xterm",
    ) -> None:
        """Run *command* beside the instance; with *rows* and *columns* in a terminal of that size."""
        if rights_of(socket.scope) != ALL:
            await socket.close(1008)
            return
        acknowledges = ACKNOWLEDGED in socket.scope.get("subprotocols", ())
        await socket.accept(ACKNOWLEDGED if acknowledges else None)
        screen = None if rows is None or columns is None else Screen(rows, columns, kind)
        if not open_now.acquire(blocking=False):
            await _refused(socket, ConflictError(f"{MOST_OPEN} are open already", hint="close one of them"))
            return
        try:
            actor = actor_of(socket.scope.get("client"))
            opened = await asyncio.to_thread(_opened, app, name, instance, tuple(command), screen, actor)
            await _Conversation(socket, opened, acknowledges=acknowledges).carry_on()
        except CarelaneError as error:
            await _refused(socket, error)
        finally:
            open_now.release()

    return router


def _opened(
    app: App, name: str, instance: str, command: tuple[str, ...], screen: Screen | None, actor: str
) -> Terminal:
    app.operations.engine(name)
    how = {"typed_into": True, "terminal": screen is not None}
    return recorded(app, name, instance, command, actor, **how).open(instance, command, screen)


async def _refused(socket: WebSocket, error: CarelaneError) -> None:
    with contextlib.suppress(WebSocketDisconnect, RuntimeError):
        await socket.send_text(json.dumps({"problem": document(error)}))
        await socket.close()


class _Conversation:
    """Passes on what is typed and what is said, each in a thread of its own: a terminal takes no other's."""

    def __init__(self, socket: WebSocket, terminal: Terminal, *, acknowledges: bool) -> None:
        self._socket = socket
        self._acknowledges = acknowledges
        self._terminal = terminal
        self._loop = asyncio.get_running_loop()
        self._typed: queue.SimpleQueue[bytes | None] = queue.SimpleQueue()
        self._room = asyncio.Semaphore(WAITING)
        self._over = asyncio.Event()
        self._sending: set[asyncio.Task[None]] = set()

    async def carry_on(self) -> None:
        """Until the command has ended, or the client has left: then it is ended."""
        threads = [threading.Thread(target=each, daemon=True) for each in (self._say, self._type)]
        for thread in threads:
            thread.start()
        listening = asyncio.create_task(self._listen())
        over = asyncio.create_task(self._over.wait())
        await asyncio.wait((listening, over), return_when=asyncio.FIRST_COMPLETED)
        listening.cancel()
        self._terminal.end()
        self._typed.put(None)
        await over
        code = await asyncio.to_thread(self._closed, threads)
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):
            await self._socket.send_text(json.dumps({"exit_code": code}))
            await self._socket.close()

    def _closed(self, threads: list[threading.Thread]) -> int:
        for thread in threads:
            thread.join()
        return self._terminal.close()

    async def _listen(self) -> None:
        while True:
            message = await self._socket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("bytes"):
                await self._room.acquire()
                self._typed.put(message["bytes"])
            elif message.get("text"):
                await self._heed(message["text"])

    async def _heed(self, text: str) -> None:
        """What is no typing; what cannot be understood is passed over."""
        with contextlib.suppress(ValueError, TypeError, KeyError, AttributeError):
            said: dict[str, Any] = json.loads(text)
            if said.get("end"):
                await self._room.acquire()
                self._typed.put(b"")
            else:
                self._terminal.resize(Screen(int(said["rows"]) & 0xFFFF, int(said["columns"]) & 0xFFFF))

    def _type(self) -> None:
        while (typed := self._typed.get()) is not None:
            if typed:
                self._terminal.write(typed)
            else:
                self._terminal.end_input()
            with contextlib.suppress(RuntimeError):  # the loop has ended
                self._loop.call_soon_threadsafe(self._taken, bool(typed))

    def _taken(self, typed: bool) -> None:
        self._room.release()
        if typed and self._acknowledges:
            sending = self._loop.create_task(self._acknowledge())
            self._sending.add(sending)  # else nobody keeps it
            sending.add_done_callback(self._sending.discard)

    async def _acknowledge(self) -> None:
        with contextlib.suppress(WebSocketDisconnect, RuntimeError):  # the client has left
            await self._socket.send_text(json.dumps({"taken": 1}))

    def _say(self) -> None:
        """What is read is sent before the next is: a client that reads slowly holds up the command alone."""
        with contextlib.suppress(Exception):  # the client has left
            while (said := self._terminal.read()) is not None:
                sending = self._socket.send_bytes(bytes([said[0]]) + said[1])
                asyncio.run_coroutine_threadsafe(sending, self._loop).result()
        with contextlib.suppress(RuntimeError):  # the loop has ended
            self._loop.call_soon_threadsafe(self._over.set)
