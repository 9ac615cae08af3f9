"""What people ask of the Pods of an environment: what they print, and how they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from carelane.base.errors import CarelaneError, ConflictError, Unavailable
from carelane.delivery.looking import CopyDetail, CopyEnd, LogsWanted, Ran, Screen, Terminal
from carelane.delivery.releases import Probe
from carelane.platforms.kubernetes import logs
from carelane.platforms.kubernetes.api import Api
from carelane.platforms.kubernetes.executing import PodCommands
from carelane.platforms.kubernetes.logs import PodLogs
from carelane.platforms.kubernetes.metadata import is_over, labels_of, when
from carelane.platforms.kubernetes.objects import SERVICE
from carelane.platforms.kubernetes.ports import Kind, Object, View


@dataclass(frozen=True)
class ClusterLooking:
    """The Logs and Details ports for one namespace."""

    namespace: str
    api: Api
    view: View
    commands: PodCommands

    # -- logs

    def logs(self, service: str, wanted: LogsWanted = LogsWanted()) -> PodLogs:  # noqa: B008 - frozen
        """Of the Pods of *service* that are there; what is gone is not kept by a cluster.

        Raises:
            Unavailable: If the cluster does not say which there are.
        """
        if not self.view.look(moving=False):
            raise Unavailable(
                f"the cluster does not say what there is in {self.namespace}",
                hint="`carelane status` tells why; `kubectl get --raw /readyz` asks it whether it is ready",
            )
        return logs.logs(self.view, lambda pod, asked: self.api.log(pod, service, asked), service, wanted)

    def printing(self, service: str) -> Mapping[str, bool]:
        """The Pods that can be read, and whether they are over, the latest last."""
        return {name: is_over(pod) for name, pod in logs.printing(self.view, service).items()}

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
