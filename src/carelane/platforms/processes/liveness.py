"""Liveness probes: asked beside the loop, so that a process that hangs holds nobody up."""

import http.client
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from carelane.delivery.releases import Probe


@dataclass
class _Watched:
    pid: int
    due: float = 0.0
    failures: int = 0
    lived: bool = False
    asking: Future[bool] | None = None


class LivenessProber:
    """Remembers, for each running process, how its liveness probe went."""

    def __init__(self) -> None:
        self._watched: dict[str, _Watched] = {}
        self._pool = ThreadPoolExecutor(4, thread_name_prefix="liveness")

    def live(self, instance: str, pid: int, port: int, probe: Probe) -> bool | None:
        """The latest verdict; asks again when it is due.

        Returns:
            None until the process has answered once (starting up is readiness' matter), False
            after ``probe.failures`` unanswered questions in a row.
        """
        watched = self._watched.get(instance)
        if watched is None or watched.pid != pid:
            watched = self._watched[instance] = _Watched(pid)
        if watched.asking is not None and watched.asking.done():
            answered = watched.asking.result()
            watched.asking = None
            watched.lived = watched.lived or answered
            watched.failures = 0 if answered else watched.failures + 1
        if watched.asking is None and time.monotonic() >= watched.due:
            watched.due = time.monotonic() + probe.period_seconds
            watched.asking = self._pool.submit(_answers, port, probe)
        return watched.failures < probe.failures if watched.lived else None

    def forget(self, known: set[str]) -> None:
        """Drop what is not among the *known*."""
        for instance in set(self._watched) - known:
            del self._watched[instance]


def _answers(port: int, probe: Probe) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=probe.timeout_seconds)
    try:
        connection.request("GET", probe.path)
        return connection.getresponse().status < 400
    except (OSError, ValueError, http.client.HTTPException):
        return False
    finally:
        connection.close()
