"""An open-loop load: requests leave by the clock, whatever the answers do, and each is written down.

Shared by the end-to-end tests and the bench. Reused connections that the other side has closed are
opened again once, as browsers do for requests that are safe to repeat; nothing else is repeated.
"""

import http.client
import json
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self


@dataclass(frozen=True)
class Answer:
    """One request: when it was due and sent (monotonic seconds), and what came of it."""

    due: float
    sent: float
    ended: float
    status: int | None
    version: str | None
    problem: str = ""

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
        connection: http.client.HTTPConnection | None = None
        while (due := self._due.get()) is not None:
            answer, connection = self._once(due, connection)
            self.answers.append(answer)
        if connection is not None:
            connection.close()

    def _once(
        self, due: float, connection: http.client.HTTPConnection | None
    ) -> tuple[Answer, http.client.HTTPConnection | None]:
        reused = connection is not None
        if connection is None:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        sent = time.monotonic()
        try:
            cookie = self.cookie()
            connection.request("GET", self.path, headers={} if cookie is None else {"Cookie": cookie})
            response = connection.getresponse()
            body = response.read()
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            if reused and isinstance(
                error, (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected)
            ):
                return self._once(due, None)
            return Answer(due, sent, time.monotonic(), None, None, repr(error)), None
        version = response.headers.get("x-app-version")
        problem = "" if response.status < 500 else body[:200].decode(errors="replace")
        if response.will_close:
            connection.close()
        kept = None if response.will_close else connection
        return Answer(due, sent, time.monotonic(), response.status, version, problem), kept


def summary(answers: list[Answer]) -> str:
    """The answers by version and status, and what was lost, for a failing assertion to show."""
    counts: dict[str, int] = {}
    for answer in answers:
        key = f"{answer.version} {answer.status}"
        counts[key] = counts.get(key, 0) + 1
    lost = [a for a in answers if a.lost]
    return json.dumps({"answers": counts, "lost": len(lost), "first lost": lost[0].problem if lost else ""})
