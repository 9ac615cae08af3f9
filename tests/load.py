"""An open-loop load: requests leave by the clock, whatever the answers do, and each is written down.

Shared by the end-to-end tests and the bench. The rule for kept connections that the other side closes:

- closed before a request is written: another is opened, and nothing was lost or repeated;
- closed while it was being written, so that the other side's kernel never acknowledged a byte of it and
  nobody can have read it: sent once more, as browsers do, and counted as ``retried``;
- closed after that, without a whole answer: lost. Somebody may have read it and died with it.
"""

import http.client
import json
import queue
import select
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

TCP_INFO_BYTES = 136
BYTES_ACKED = slice(120, 128)
"""Where linux/tcp.h has tcpi_bytes_acked in struct tcp_info."""


@dataclass(frozen=True)
class Answer:
    """One request: when it was due and sent (monotonic seconds), and what came of it."""

    due: float
    sent: float
    ended: float
    status: int | None
    version: str | None
    problem: str = ""
    retried: bool = False
    """It was written on a kept connection that closed before anybody could read it, and sent once more."""

    @property
    def lost(self) -> bool:
        """No answer, or one that the proxy made."""
        return self.status is None or (self.status in {502, 503, 504} and self.version is None)


@dataclass
class Load:
    """GET *path* at *rate* requests a second on *connections* kept-alive connections.

    *cookie* says who asks, request by request: somebody nobody has seen yet where it is None.
    """

    port: int
    rate: float = 200.0
    connections: int = 32
    path: str = "/"
    address: str = "127.0.0.1"
    host: str = ""
    """What users call it, where that is not its *address*."""
    cookie: Callable[[], str | None] = lambda: None
    answers: list[Answer] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._due: queue.SimpleQueue[float | None] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._send, daemon=True) for _ in range(self.connections)]
        self._pace = threading.Thread(target=self._keep_pace, daemon=True)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self._pace.start()
        return self

    def __exit__(self, *_details: object) -> None:
        self._ended.set()
        self._pace.join()
        for _thread in self._threads:
            self._due.put(None)
        for thread in self._threads:
            thread.join(30)

    def _keep_pace(self) -> None:
        due = time.monotonic()
        while not self._ended.is_set():
            due += 1 / self.rate
            self._ended.wait(max(0.0, due - time.monotonic()))
            self._due.put(due)

    def _send(self) -> None:
        kept: Kept | None = None
        while (due := self._due.get()) is not None:
            answer, kept = self.once(due, kept)
            self.answers.append(answer)
        if kept is not None:
            kept.close()

    def once(self, due: float, kept: "Kept | None", *, again: bool = False) -> "tuple[Answer, Kept | None]":
        """Send one request, on the connection *kept* if it is still open; the answer, and what to keep."""
        if kept is not None and kept.closed():
            kept.close()
            kept = None
        sent = time.monotonic()
        reused = kept is not None
        try:
            kept = kept or Kept(self.port, self.address, self.host)
            status, version, problem, goes_on = kept.ask(self.path, self.cookie())
        except (OSError, http.client.HTTPException) as error:
            unread = kept is not None and kept.unread
            if kept is not None:
                kept.close()
            if reused and unread and not again:
                return self.once(due, None, again=True)
            return Answer(due, sent, time.monotonic(), None, None, repr(error), again), None
        if not goes_on:
            kept.close()
        answer = Answer(due, sent, time.monotonic(), status, version, problem, again)
        return answer, kept if goes_on else None


class Kept:
    """A kept-alive connection that can tell whether what was written on it reached anybody."""

    def __init__(self, port: int, address: str = "127.0.0.1", host: str = "") -> None:
        self._connection = http.client.HTTPConnection(address, port, timeout=30)
        self._headers = {"Host": host} if host else {}
        self._connection.connect()
        self._beside = self._connection.sock.dup()  # the client closes its own as soon as it is cut
        self._acknowledged = 0
        self._looking = select.poll()
        self._looking.register(self._beside, select.POLLIN)

    def ask(self, path: str, cookie: str | None = None) -> tuple[int, str | None, str, bool]:
        """Status, version, what a server error said, and whether the connection may be used again."""
        self._acknowledged = self._bytes_acknowledged()
        self._connection.request(
            "GET", path, headers=self._headers | ({} if cookie is None else {"Cookie": cookie})
        )
        response = self._connection.getresponse()
        body = response.read()
        problem = "" if response.status < 500 else body[:200].decode(errors="replace")
        version = response.headers.get("x-app-version")
        return response.status, version, problem, not response.will_close

    def closed(self) -> bool:
        """Whether the other side has closed it, as far as can be seen now."""
        return bool(self._looking.poll(0))  # between two requests there is nothing else to read

    @property
    def unread(self) -> bool:
        """Whether the other side's kernel took nothing of the last request."""
        return self._bytes_acknowledged() == self._acknowledged

    def close(self) -> None:
        """Let go of it."""
        self._connection.close()
        self._beside.close()

    def _bytes_acknowledged(self) -> int:
        told = self._beside.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, TCP_INFO_BYTES)
        return int.from_bytes(told[BYTES_ACKED], sys.byteorder)


def summary(answers: list[Answer]) -> str:
    """The answers by version and status, and what was lost, for a failing assertion to show."""
    counts: dict[str, int] = {}
    for answer in answers:
        key = f"{answer.version} {answer.status}"
        counts[key] = counts.get(key, 0) + 1
    lost = [a for a in answers if a.lost]
    first = lost[0].problem if lost else ""
    retried = sum(a.retried for a in answers)
    return json.dumps({"answers": counts, "lost": len(lost), "first lost": first, "retried": retried})
