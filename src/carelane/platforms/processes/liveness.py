"""Probes that this server asks: liveness, beside the loop, so that a process that hangs holds nobody up."""

import http.client
import time
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

from carelane.delivery.releases import Probe

CONNECT_SECONDS = 1.0
MOST_SAID = 200


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
    return not wrong_with(port, probe)


def wrong_with(port: int, probe: Probe | None) -> str:
    """What is wrong with who answers on *port*, or (no *probe*) takes no connection there, or ""."""
    timeout = probe.timeout_seconds if probe is not None else CONNECT_SECONDS
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=timeout)
    try:
        if probe is None:
            connection.connect()
            return ""
        connection.request("GET", probe.path)
        response = connection.getresponse()
        if response.status < 400:
            return ""
        said = response.read1(MOST_SAID).decode(errors="replace").strip().partition("\n")[0]
        return f"{probe.path} answered {response.status}" + (f": {said}" if said else "")
    except TimeoutError:
        return f"no answer on {port} within {timeout:g} s"
    except ConnectionRefusedError:
        return f"connection refused on {port}: nothing listens there yet"
    except (OSError, ValueError, http.client.HTTPException) as error:
        return f"no answer on {port}: {error or type(error).__name__}"
    finally:
        connection.close()
