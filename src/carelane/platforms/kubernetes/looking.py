"""What people ask of the Pods of an environment: what they print, and how they are."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from carelane.base.errors import CarelaneError, ConflictError, Unavailable
from carelane.delivery.looking import CopyDetail, CopyEnd, LogLine, LogsWanted, Ran, Screen, Terminal
from carelane.delivery.releases import Probe
from carelane.platforms.kubernetes.api import Api
from carelane.platforms.kubernetes.executing import PodCommands
from carelane.platforms.kubernetes.metadata import is_over, labels_of, when
from carelane.platforms.kubernetes.objects import SERVICE, TASK, VERSION
from carelane.platforms.kubernetes.ports import Kind, Object, View


@dataclass(frozen=True)
class ClusterLooking:
    """The Logs and Details ports for one namespace."""

    namespace: str
    api: Api
    view: View
    commands: PodCommands

    # -- logs

    def logs(self, service: str, wanted: LogsWanted = LogsWanted()) -> "PodLogs":  # noqa: B008 - frozen
        """Of the Pods of *service* that are there; what is gone is not kept by a cluster.

        Raises:
            Unavailable: If the cluster does not say which there are.
        """
        if not self.view.look(moving=False):
            raise Unavailable(
                f"the cluster does not say what there is in {self.namespace}",
                hint="`carelane status` tells why; `kubectl get --raw /readyz` asks it whether it is ready",
            )
        return PodLogs(self.api, service, lambda: list(self._printing(service, wanted)), wanted.previous)

    def printing(self, service: str) -> Mapping[str, bool]:
        """The Pods that can be read, the latest last."""
        return dict(self._known(service))

    def _known(self, service: str) -> Iterator[tuple[str, bool]]:
        pods = [pod for pod in self.view.all(Kind.POD).values() if labels_of(pod).get(SERVICE) == service]
        for pod in sorted(pods, key=lambda each: str(each["metadata"]["creationTimestamp"])):
            yield pod["metadata"]["name"], is_over(pod)

    def _printing(self, service: str, wanted: LogsWanted) -> Iterator[str]:
        for name, _ in self._known(service):
            pod = self.view.all(Kind.POD).get(name)
            if pod is not None and _is_wanted(pod, wanted):
                yield name

    # -- one of them

    def detail(self, copy: str, readiness: Probe | None) -> CopyDetail:
        """What the cluster says of the Pod *copy*; it asks by its own probe."""
        del readiness
        pod = self.view.all(Kind.POD).get(copy)
        if pod is None:
            return CopyDetail()
        status = pod.get("status", {})
        statuses = status.get("containerStatuses") or []
        past = [each.get("lastState", {}).get("terminated") for each in statuses]
        ends = [_end(each) for each in past if each and each.get("finishedAt")]
        wrong = next((_words(c) for c in status.get("conditions", ()) if _says_no(c)), "")
        unhealthy = self._unhealthy(pod) if wrong else ""
        return CopyDetail(tuple(ends), unhealthy or wrong, self._memory_bytes(copy))

    def _unhealthy(self, pod: Object) -> str:
        """What its probe came to last, where the cluster tells."""
        try:
            return self.api.last_event(pod["metadata"]["uid"], "Unhealthy")
        except CarelaneError:
            return ""

    def _memory_bytes(self, copy: str) -> int | None:
        """What it uses; None where the cluster has nobody who measures."""
        try:
            return self.api.memory_bytes(copy)
        except CarelaneError:
            return None

    def may_run(self, copy: str) -> None:
        """Beside what runs, any command may."""
        self._container(copy)

    def run(self, copy: str, command: tuple[str, ...], timeout_seconds: float) -> Ran:
        """Run *command* in the container of the Pod *copy*."""
        return self.commands.run(copy, self._container(copy), command, timeout_seconds)

    def open(self, copy: str, command: tuple[str, ...], screen: Screen | None) -> Terminal:
        """Run it there to be typed into."""
        return self.commands.open(copy, self._container(copy), command, screen)

    def _container(self, copy: str) -> str:
        """The container of what runs as *copy*: it has the name of its service."""
        pod = self.view.all(Kind.POD).get(copy)
        service = None if pod is None else labels_of(pod).get(SERVICE)
        if pod is None or service is None or pod.get("status", {}).get("phase") != "Running":
            raise ConflictError(f"{copy} does not run", hint="`carelane env show` lists what does")
        return service


def _is_wanted(pod: Object, wanted: LogsWanted) -> bool:
    labels = labels_of(pod)
    if wanted.instance is not None and wanted.instance not in {pod["metadata"]["name"], labels.get(TASK)}:
        return False
    if wanted.label is not None and labels.get(VERSION) != wanted.label:
        return False
    return wanted.narrow or TASK not in labels


def _end(terminated: Mapping[str, Any]) -> CopyEnd:
    began, ended = (terminated.get(key) for key in ("startedAt", "finishedAt"))
    lived = (when(ended) - when(began)).total_seconds() if began and ended else None
    reason = terminated.get("reason", "")
    why = "" if reason in {"Completed", "Error"} else str(reason)
    return CopyEnd(when(terminated["finishedAt"]), terminated.get("exitCode"), lived, why)


def _says_no(condition: Mapping[str, Any]) -> bool:
    return condition["type"] in {"Ready", "PodScheduled"} and condition["status"] != "True"


def _words(condition: Mapping[str, Any]) -> str:
    return f"{condition.get('reason', 'not ready')}: {condition.get('message', 'no reason given')}"


@dataclass
class PodLogs:
    """What some Pods print: each is asked for what came since the line that was had last."""

    api: Api
    container: str
    wanted: Callable[[], list[str]]
    previous: bool = False
    _last: dict[str, str] = field(default_factory=dict)
    """By Pod, the time stamp of the last line, as the cluster writes it."""

    def has_any(self) -> bool:
        """Whether there is a Pod to read."""
        return bool(self.wanted())

    def tail(self, count: int, *, go_on: bool = False, since: datetime | None = None) -> list[LogLine]:
        """The last *count* lines of each."""
        del go_on  # the cluster tells whole lines only
        asked = {"tailLines": str(count)}
        if since is not None:
            asked["sinceTime"] = since.isoformat()
        return [line for pod in self.wanted() for line in self._read(pod, asked)]

    def more(self) -> list[LogLine]:
        """What came since."""
        return [line for pod in self.wanted() for line in self._read(pod, self._since(pod))]

    def _since(self, pod: str) -> dict[str, str]:
        last = self._last.get(pod)
        return {} if last is None else {"sinceTime": last}

    def _read(self, pod: str, asked: Mapping[str, str]) -> list[LogLine]:
        also = {"previous": "true"} if self.previous else {}
        try:
            text = self.api.log(pod, self.container, {"timestamps": "true", **also, **asked})
        except CarelaneError:
            return []  # it has not begun, or is gone: there is nothing of it to read
        before, found = self._last.get(pod, ""), []
        for line in text.splitlines():
            stamp, _, said = line.partition(" ")
            if stamp > before:
                found.append(LogLine(pod, said, when(stamp)))
                self._last[pod] = stamp
        return found
