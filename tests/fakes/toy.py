"""A platform that keeps its own copies, with delays of its own, written against the ports alone.

As Kubernetes does: a label is given a number of copies, one more or one less a look; the lasting place is
a slot of its own, into which a version comes only some looks after it was given it. It knows no instance
that anybody told it of, and whoever tells it what is wanted knows none of its.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from carelane.base.clock import Clock
from carelane.base.errors import PlatformError
from carelane.delivery.copies import Copies, Purpose
from carelane.delivery.observations import (
    CopySeen,
    ProcessPhase,
    RoutingSeen,
    ServiceSeen,
    TaskSeen,
    WorkloadsSeen,
)
from carelane.delivery.ports import Task
from carelane.delivery.releases import ServiceKind, ServiceVersion
from carelane.delivery.targets import ServiceTarget, Target
from carelane.delivery.users import in_order, shared, somebody

READY_AFTER = 2
"""Looks until a copy is fit, unless a test says otherwise."""
SETTLES_AFTER = 3
"""Looks until a version is in the lasting place."""


@dataclass
class Pod:
    """One copy, as only the platform knows it."""

    service: str
    label: str
    looks: int = 0
    purpose: Purpose | None = Purpose.SERVE
    restarts: int = 0
    born: datetime | None = None


@dataclass
class Toy:
    """The Workloads and TrafficRouter ports: what is wanted is told, and comes about as time goes by."""

    clock: Clock
    pods: dict[str, Pod] = field(default_factory=dict)
    tasks: dict[str, Task] = field(default_factory=dict)
    ended: dict[str, int] = field(default_factory=dict)
    """Exit codes of tasks, by name."""
    ready_after: dict[str, int | None] = field(default_factory=dict)
    """By label; None is never."""
    crashing: set[str] = field(default_factory=set)
    weights: dict[str, dict[str, int]] = field(default_factory=dict)
    made: int = 0
    silent: bool = False
    stuck: bool = False
    """No version comes to the lasting place."""
    _target: Target = field(default_factory=lambda: Target(0))
    _homes: dict[str, tuple[str | None, int]] = field(default_factory=dict)
    _in_force: int = 0

    # -- what runs

    def converge(self, target: Target) -> bool:
        """Remember what is wanted, and take each service one step there."""
        if target.generation < self._target.generation or self.silent:
            return True
        self._target = target
        before = {name: replace(pod) for name, pod in self.pods.items()}
        for name, wanted in target.services.items():
            self._step(name, wanted)
        return self.pods != before

    def _step(self, service: str, wanted: ServiceTarget) -> None:
        home = wanted.home if wanted.home in wanted.copies else None
        worker = home is not None and wanted.versions[home].run.kind is ServiceKind.WORKER
        for label in {pod.label for pod in self._of(service)} | set(wanted.copies):
            self._scale(service, label, wanted, alone=worker and label == home)
        settled, looks = self._homes.get(service, (None, 0))
        self._homes[service] = (home, looks + 1 if settled == home else 0)

    def _scale(self, service: str, label: str, wanted: ServiceTarget, *, alone: bool) -> None:
        copies, mine = wanted.copies.get(label), self._of(service, label)
        if alone and len(self._of(service)) > len(mine):
            for other in [n for n, p in self.pods.items() if p.service == service and p.label != label]:
                del self.pods[other]  # the old worker ends first
            return
        left = copies is not None and not copies.percent and self._replaces(wanted) and label != wanted.home
        if left and self._may_rest(service, label, wanted):
            for other in self._names(service, label):
                del self.pods[other]
            return
        if copies is None or (copies.purpose is Purpose.WARM and not self._may_rest(service, label, wanted)):
            self._end(service, label, wanted)
            return
        purpose = copies.purpose
        if self._replaces(wanted) and label != wanted.home and not self._may_rest(service, label, wanted):
            purpose = Purpose.SERVE  # until home is whole
        for pod in mine:
            pod.purpose = purpose
        self._count(service, label, copies, wanted)

    def _count(self, service: str, label: str, copies: Copies, wanted: ServiceTarget) -> None:
        """One more or one less, on the way to as many as are wanted; what is to be renewed goes first."""
        mine, names = self._of(service, label), self._names(service, label)
        old = [name for name in names if self._is_old(name, wanted)] if label == wanted.home else []
        waits = [name for name in names if name not in old and not self._fit(self.pods[name])]
        surge = 1 if old and not waits else 0
        if surge and len(mine) > copies.of(wanted.size):
            del self.pods[old[0]]
        elif len(mine) < self._size(copies, wanted, mine) + surge:
            self.made += 1
            name = f"{service}-{label}-{self.made:05x}"
            self.pods[name] = Pod(service, label, purpose=copies.purpose, born=self.clock.now())
        elif copies.serves and copies.percent and not (wanted.held or old):
            for spare in names[copies.of(wanted.size) :][-1:]:
                del self.pods[spare]

    def _is_old(self, name: str, wanted: ServiceTarget) -> bool:
        born, asked_at = self.pods[name].born, wanted.restarted_at
        return asked_at is not None and (born is None or born < asked_at)

    @staticmethod
    def _replaces(wanted: ServiceTarget) -> bool:
        return wanted.shares is None

    @staticmethod
    def _size(copies: Copies, wanted: ServiceTarget, mine: list[Pod]) -> int:
        return copies.of(wanted.size) if copies.serves and copies.percent else len(mine)

    def _may_rest(self, service: str, label: str, wanted: ServiceTarget) -> bool:
        """Whether users need *label* no more: somebody else has them."""
        if wanted.home is None:
            return True
        carriers = [c for c in wanted.copies if c != label and wanted.copies[c].serves]
        if wanted.shares is not None:
            carriers = [c for c in carriers if wanted.shares.get(c)]
            return any(self._fit(pod) for c in carriers for pod in self._of(service, c))
        ready = sum(self._fit(pod) for pod in self._of(service, wanted.home))
        return ready >= (wanted.least if wanted.pace is None else wanted.size)

    def _end(self, service: str, label: str, wanted: ServiceTarget) -> None:
        """One copy fewer, of those that users need no more."""
        mine = self._names(service, label)
        if mine and (label in wanted.copies or self._may_rest(service, label, wanted)):
            if label in wanted.copies:
                for name in mine:
                    self.pods[name].purpose = Purpose.WARM
            else:
                self.pods.pop(mine[-1])

    def check(self, versions: Collection[ServiceVersion]) -> None:
        """Everything may run."""

    def start(self, task: Task) -> None:
        """Let it run; it has ended at the next look."""
        self.tasks.setdefault(task.name, task)

    def end(self, task: str) -> None:
        """Forget it."""
        self.tasks.pop(task, None)

    def observe(self) -> WorkloadsSeen:
        """What there is; looking is what lets time go by here."""
        for pod in self.pods.values():
            pod.looks += 1
            pod.restarts += pod.label in self.crashing
        return self.known()

    def known(self) -> WorkloadsSeen:
        """What there is."""
        services = {pod.service for pod in self.pods.values()} | set(self._target.services)
        return WorkloadsSeen(
            {name: self._seen(name, pod) for name, pod in self.pods.items()},
            {name: ServiceSeen(home=self._home(name)) for name in services},
            {
                name: TaskSeen(task.version.service, ProcessPhase.EXITED, self.ended.get(name, 0))
                for name, task in self.tasks.items()
            },
            visible=not self.silent,
        )

    def _seen(self, name: str, pod: Pod) -> CopySeen:
        fit = self._fit(pod)
        return CopySeen(
            name,
            pod.service,
            pod.label,
            pod.purpose,
            pod.born or self.clock.now(),
            ProcessPhase.RUNNING,
            ready=fit and not self.silent,
            ready_seconds=float(pod.looks) if fit else 0.0,
            restarts=pod.restarts,
            place="node n1",
        )

    def _fit(self, pod: Pod) -> bool:
        after = self.ready_after.get(pod.label, READY_AFTER)
        return after is not None and pod.looks >= after and pod.label not in self.crashing

    def _home(self, service: str) -> str | None:
        home, looks = self._homes.get(service, (None, 0))
        return home if looks >= SETTLES_AFTER and not self.stuck else None

    def _of(self, service: str, label: str | None = None) -> list[Pod]:
        return [p for p in self.pods.values() if p.service == service and label in {None, p.label}]

    def _names(self, service: str, label: str) -> list[str]:
        return [n for n, p in self.pods.items() if (p.service, p.label) == (service, label)]

    # -- who gets users

    def route(self, target: Target) -> None:
        """Share the traffic among the copies there are."""
        if target.generation < self._in_force:
            return
        for name, wanted in target.services.items():
            labels = in_order(wanted.versions, wanted.stable, wanted.trial)
            fit = {label: self._carry(name, label, wanted) for label in labels}
            found = somebody(shared(wanted.shares, wanted.copies, fit), wanted.stable)
            self.weights[name] = {label: weight for label, weight in found.items() if weight}
        self._in_force = target.generation

    def _carry(self, service: str, label: str, wanted: ServiceTarget) -> int:
        if wanted.home is None:
            return 0
        copies, fit = wanted.copies.get(label), [p for p in self._of(service, label) if self._fit(p)]
        rests = copies is not None and not copies.serves and self._may_rest(service, label, wanted)
        return 0 if rests else len(fit)

    def routed(self) -> RoutingSeen:
        """What was told last is in force."""
        return RoutingSeen(None if self.silent else self._in_force)

    def ask(self, path: str, timeout_seconds: float) -> tuple[int, bytes]:
        """Nobody answers here."""
        raise PlatformError(f"nobody answers {path} within {timeout_seconds} s")

    def reaches(self, service: str) -> bool:
        """No version can be asked by itself."""
        del service
        return False

    def ask_version(self, service: str, label: str, path: str, timeout_seconds: float) -> tuple[int, bytes]:
        """Nobody answers here."""
        del service, label
        return self.ask(path, timeout_seconds)

    def running(self, service: str) -> Mapping[str, int]:
        """How many copies of each label there are, for tests."""
        found: dict[str, int] = {}
        for pod in self._of(service):
            found[pod.label] = found.get(pod.label, 0) + 1
        return found
