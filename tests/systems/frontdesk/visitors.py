"""Who uses the front desk: pages, uploads of five seconds, events, a WebSocket that stays, letters."""

import contextlib
import http.client
import json
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from websockets.sync.client import ClientConnection, connect

UPLOAD_PARTS, UPLOAD_EVERY = 50, 0.1
EVENTS = 30
PAUSES = {"page": 0.02, "letter": 0.1, "upload": 0.0, "events": 0.0, "said": 0.2}


@dataclass
class Seen:
    """What visitors met: how often each kind went well, the versions of pages, and what was lost."""

    done: Counter[str] = field(default_factory=Counter)
    versions: set[str] = field(default_factory=set)
    letters: list[int] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@contextlib.contextmanager
def visiting(port: int) -> Iterator[Seen]:
    """Let them come until the block ends, and finish what they have begun."""
    seen, leave = Seen(), threading.Event()
    with connect(f"ws://127.0.0.1:{port}/socket", ping_interval=None) as socket:
        kinds: dict[str, Callable[[], None]] = {
            "page": lambda: _page(port, seen),
            "letter": lambda: _letter(port, seen),
            "upload": lambda: _upload(port, leave),
            "events": lambda: _events(port),
            "said": lambda: _said(socket),
        }
        threads = [
            threading.Thread(target=_again, args=(kind, act, seen, leave), daemon=True)
            for kind, act in kinds.items()
        ]
        for thread in threads:
            thread.start()
        try:
            yield seen
        finally:
            leave.set()
            for thread in threads:
                thread.join(30)


def _again(kind: str, act: Callable[[], None], seen: Seen, leave: threading.Event) -> None:
    while not leave.is_set():
        try:
            act()
        except Exception as error:  # noqa: BLE001 - whatever it is, it was lost
            seen.lost.append(f"{kind}: {type(error).__name__}: {error}")
            return
        seen.done[kind] += 1
        leave.wait(PAUSES[kind])


def _asked(port: int, method: str, path: str, body: Iterator[bytes] | None = None) -> bytes:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    headers = {"Transfer-Encoding": "chunked"} if body is not None else {}
    connection.request(method, path, body, headers, encode_chunked=body is not None)
    answer = connection.getresponse()
    said = answer.read()
    connection.close()
    if answer.status >= 300:
        raise ValueError(f"{method} {path} answered {answer.status}: {said[:200]!r}")
    return said


def _page(port: int, seen: Seen) -> None:
    seen.versions.add(json.loads(_asked(port, "GET", "/"))["version"])


def _letter(port: int, seen: Seen) -> None:
    seen.letters.append(json.loads(_asked(port, "POST", "/letters"))["id"])


def _upload(port: int, leave: threading.Event) -> None:
    sent = 0

    def parts() -> Iterator[bytes]:
        nonlocal sent
        for _ in range(UPLOAD_PARTS):
            yield b"x" * 1000
            sent += 1000
            threading.Event().wait(UPLOAD_EVERY)
            if leave.is_set():
                return

    took = json.loads(_asked(port, "POST", "/upload", parts()))["bytes"]
    if took != sent:
        raise ValueError(f"{sent} bytes were sent, and {took} came")


def _events(port: int) -> None:
    got = _asked(port, "GET", f"/events?count={EVENTS}").count(b"data:")
    if got != EVENTS:
        raise ValueError(f"{got} of {EVENTS} events")


def _said(socket: ClientConnection) -> None:
    socket.send("hello")
    if not str(socket.recv(timeout=5)).endswith(": hello"):
        raise ValueError("another answer")
