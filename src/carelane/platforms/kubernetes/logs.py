"""What Pods print: each is asked for what came since the line that was had of it last."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from carelane.base.errors import NotFoundError, PlatformError, Unavailable
from carelane.delivery import names
from carelane.delivery.looking import LogLine, LogsWanted
from carelane.platforms.kubernetes.metadata import is_over, labels_of, when_said
from carelane.platforms.kubernetes.objects import SERVICE, TASK, VERSION
from carelane.platforms.kubernetes.ports import Kind, Object, View

_FRACTION = re.compile(r"\.(\d+)")
Stamp = tuple[datetime, str]
"""The second at which a line was printed, and its nine digits: the cluster leaves zeros at their end out."""
Read = Callable[[str, Mapping[str, str]], str]
"""What a Pod has printed, as far as is asked (the parameters of the API); raises as `Api.log`."""


def printing(view: View, service: str) -> dict[str, Object]:
    """The Pods of *service* that are there, the latest last."""
    pods = [pod for pod in view.all(Kind.POD).values() if labels_of(pod).get(SERVICE) == service]
    in_order = sorted(pods, key=lambda each: str(each["metadata"]["creationTimestamp"]))
    return {pod["metadata"]["name"]: pod for pod in in_order}


def logs(view: View, read: Read, service: str, wanted: LogsWanted) -> "PodLogs":
    """Of those Pods of *service* that are *wanted*: without any word of those that run, else of the last."""

    def look() -> list[str]:
        return [name for name, pod in printing(view, service).items() if _is_wanted(pod, wanted)]

    found = look()
    there = [name for name in found if not is_over(view.all(Kind.POD).get(name, {}))]
    return PodLogs(read, look, found if wanted.narrow else there or found[-1:], wanted.previous)


def _is_wanted(pod: Object, wanted: LogsWanted) -> bool:
    labels = labels_of(pod)
    task = labels.get(TASK)
    if wanted.instance is not None and wanted.instance not in {pod["metadata"]["name"], task}:
        return False
    if wanted.deployment is not None and task is not None:
        return names.belongs_to(task, wanted.deployment)
    return wanted.label in {None, labels.get(VERSION)} and (wanted.narrow or task is None)


@dataclass
class PodLogs:
    """The LogReader port for some Pods; *shown* are those whose last lines are asked for."""

    read: Read
    look: Callable[[], list[str]]
    shown: list[str]
    previous: bool = False
    _last: dict[str, tuple[Stamp, str]] = field(default_factory=dict)
    """By Pod, when the last line was printed: to be compared with, and as the cluster wrote it."""
    _said: dict[str, str] = field(default_factory=dict)
    """By Pod, what keeps it from being read, or what its node said of itself: that is told once."""

    def has_any(self) -> bool:
        """Whether there is a Pod to read."""
        return bool(self.shown)

    def tail(self, count: int, *, go_on: bool = False, since: datetime | None = None) -> list[LogLine]:
        """The last *count* lines of each; of the others it is only noted how far they are."""
        del go_on  # the cluster tells whole lines only
        found: list[LogLine] = []
        for pod in self.look():
            lines = self._read(pod, {"tailLines": str(max(count, 1))})
            young = [line for line in lines if since is None or line.at is None or line.at >= since]
            if pod in self.shown and count:
                found += young[-count:]
        return found

    def more(self) -> list[LogLine]:
        """What came since."""
        return [line for pod in self.look() for line in self._read(pod, self._since(pod))]

    def _since(self, pod: str) -> dict[str, str]:
        return {"sinceTime": self._last[pod][1]} if pod in self._last else {}

    def _read(self, pod: str, asked: Mapping[str, str]) -> list[LogLine]:
        also = {"previous": "true"} if self.previous else {}
        try:
            text = self.read(pod, {"timestamps": "true", **also, **asked})
        except NotFoundError:
            return []  # it is gone
        except Unavailable as error:
            return self._told_once(pod, f"cannot be read: {error.message}")
        except PlatformError:
            return []  # it has not begun, or has no run before
        found: list[LogLine] = []
        for line in text.split("\n"):
            stamped, _, said = line.partition(" ")
            stamp = _stamp(stamped)
            if stamp is None:
                found += self._told_once(pod, line) if line else []
            elif pod not in self._last or stamp > self._last[pod][0]:
                found.append(LogLine(pod, said.removesuffix("\r"), when_said(stamped)))
                self._last[pod] = stamp, stamped
        return found

    def _told_once(self, pod: str, words: str) -> list[LogLine]:
        if self._said.get(pod) == words:
            return []
        self._said[pod] = words
        return [LogLine(pod, words)]


def _stamp(text: str) -> Stamp | None:
    """When a line was printed; None where its node says something of its own, without a time."""
    at = when_said(text) if "T" in text else None
    if at is None:
        return None
    fraction = _FRACTION.search(text)
    return at.replace(microsecond=0), (fraction[1] if fraction else "").ljust(9, "0")
