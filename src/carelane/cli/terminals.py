"""A command beside an instance that one types into."""

import contextlib
import json
import os
import shutil
import signal
import sys
import termios
import threading
import tty
from collections.abc import Iterator
from typing import Any

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection

from carelane.base.acknowledging import ACKNOWLEDGED, MOST_AHEAD
from carelane.base.errors import InputError, Unavailable
from carelane.cli.client import Client, told

CHUNK_BYTES = 16 << 10


def attached(client: Client, path: str, command: list[str], *, typed: bool, terminal: bool) -> int:
    """Run *command*, with what is *typed* here, in a *terminal* like this one; its exit code.

    Raises:
        InputError: If a terminal is wanted and this is none.
        CarelaneError: As the server says.
    """
    if terminal and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise InputError("this is no terminal", hint="leave --tty away: --stdin passes on what comes")
    query: list[tuple[str, str]] = [("command", word) for word in command]
    if terminal:
        size = shutil.get_terminal_size()
        query += [("rows", str(size.lines)), ("columns", str(size.columns))]
        query += [("kind", os.environ.get("TERM", "xterm"))]
    with client.socket_to(path, query) as socket, _raw(on=terminal and typed), _resized(socket, on=terminal):
        ahead = threading.Semaphore(MOST_AHEAD) if socket.subprotocol == ACKNOWLEDGED else None
        if typed:
            threading.Thread(target=_type, args=(socket, ahead), daemon=True).start()
        else:
            socket.send(json.dumps({"end": True}))
        return _listen(socket, ahead)


def _listen(socket: ClientConnection, ahead: threading.Semaphore | None) -> int:
    """Print what is said, until it says how it ended."""
    with contextlib.suppress(ConnectionClosed):
        for message in socket:
            if isinstance(message, bytes):
                _write(message[0], message[1:])
                continue
            said: dict[str, Any] = json.loads(message)
            if "taken" in said:
                if ahead is not None:
                    ahead.release(int(said["taken"]))
                continue
            if "problem" in said:
                raise told(said["problem"])
            return int(said["exit_code"])
    raise Unavailable(
        "the server has gone away; whether the command has ended is not known", hint="`carelane up --detach`"
    )


def _write(stream: int, said: bytes) -> None:
    while said:
        said = said[os.write(stream, said) :]


def _type(socket: ClientConnection, ahead: threading.Semaphore | None) -> None:
    with contextlib.suppress(ConnectionClosed, OSError):
        while typed := os.read(sys.stdin.fileno(), CHUNK_BYTES):
            if ahead is not None:
                ahead.acquire()  # a connection that cannot send reads nothing either
            socket.send(typed)
        socket.send(json.dumps({"end": True}))


@contextlib.contextmanager
def _raw(*, on: bool) -> Iterator[None]:
    """Every key goes to the command, Ctrl-C too; the terminal is as it was afterwards."""
    if not on:
        yield
        return
    before = termios.tcgetattr(sys.stdin)
    try:
        tty.setraw(sys.stdin)
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _resized(socket: ClientConnection, *, on: bool) -> Iterator[None]:
    """Tell the command's terminal when this one has another size."""
    if not on:
        yield
        return

    def tell(*_: object) -> None:
        size = shutil.get_terminal_size()
        with contextlib.suppress(ConnectionClosed):
            socket.send(json.dumps({"rows": size.lines, "columns": size.columns}))

    before = signal.signal(signal.SIGWINCH, tell)
    try:
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)
