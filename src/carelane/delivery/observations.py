"""What was seen of an environment at one moment; what could not be seen is None, never a guess."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from carelane.analysis.verdicts import Evidence
from carelane.delivery.copies import SERVING, Purpose


class ProcessPhase(StrEnum):
    """What the process of a copy, or of a task, does."""

    RUNNING = "running"
    BACKOFF = "backoff"
    STOPPING = "stopping"
    EXITED = "exited"


@dataclass(frozen=True)
class Unstarted:
    """Why something cannot be started, and since when that was tried in vain."""

    why: str
    since: datetime


@dataclass(frozen=True)
class CopySeen:
    """One copy of a version.

    *purpose* is what its platform has it for now, None once it only finishes what it has; *leaving* says
    that it was told to end. *ready* is fit to carry what its service carries, in one life for
    *ready_seconds*. *restarts* counts its ends in a row, *exit_code* is the last one's (None where nobody
    saw it). *live* is None where nothing asks that, or there is no answer yet. *place* says where it runs,
    for people: only its platform knows what that means.
    """

    id: str
    service: str
    label: str
    purpose: Purpose | None
    since: datetime
    phase: ProcessPhase | None = None
    ready: bool = False
    ready_seconds: float = 0.0
    leaving: bool = False
    restarts: int | None = None
    exit_code: int | None = None
    live: bool | None = None
    unstarted: Unstarted | None = None
    place: str = ""
    active_requests: int | None = None

    @property
    def serves(self) -> bool:
        """Whether it takes traffic, or is ready for it beside those that do."""
        return self.purpose in SERVING

    @property
    def stays(self) -> bool:
        """Whether it is to go on."""
        return self.purpose is not None

    def fit_beside(self, stable: str | None) -> bool:
        """Whether users may be given to it: what hangs of the *stable* version is being replaced."""
        return self.ready and not (self.live is False and self.label == stable)


@dataclass(frozen=True)
class TaskSeen:
    """A migration or a check of *service*; *supervised* is False where what keeps it is gone."""

    service: str
    phase: ProcessPhase
    exit_code: int | None = None
    supervised: bool = True


@dataclass(frozen=True)
class ServiceSeen:
    """One service on its platform.

    *size* is what 100 % is now, None where nothing but the policy says so. *home* is the label that alone
    has the lasting place; None while none has.
    """

    size: int | None = None
    home: str | None = None


@dataclass(frozen=True)
class WorkloadsSeen:
    """What runs in an environment, by name; not *visible* where nobody can say who is fit for traffic."""

    copies: Mapping[str, CopySeen] = field(default_factory=dict)
    services: Mapping[str, ServiceSeen] = field(default_factory=dict)
    tasks: Mapping[str, TaskSeen] = field(default_factory=dict)
    visible: bool = False

    @functools.cached_property
    def by_service(self) -> Mapping[str, list[CopySeen]]:
        """The copies of each service: decisions ask for them service by service, again and again."""
        found: dict[str, list[CopySeen]] = {}
        for copy in self.copies.values():
            found.setdefault(copy.service, []).append(copy)
        return found


@dataclass(frozen=True)
class RoutingSeen:
    """How far the routing is in force in the proxies that answer.

    *generation* is that of the routing they all took, None while one of them has not; *rejected* says
    who rejected what and why, empty while nobody did, and *rejected_seconds* for how long by now.
    """

    generation: int | None = None
    rejected: str = ""
    rejected_seconds: float = 0.0

    def in_force(self, generation: int) -> bool:
        """Whether the routing of *generation*, or of a later one, is in force."""
        return self.generation is not None and self.generation >= generation


@dataclass(frozen=True)
class RatesSeen:
    """How a service does just now; ratio and latency are None without requests: unknown is not zero."""

    requests_per_second: float
    error_ratio: float | None
    p95_ms: float | None


@dataclass(frozen=True)
class TrafficSeen:
    """What users had of a version over the last *seconds*."""

    seconds: float
    requests: int
    errors: int


@dataclass(frozen=True)
class Observation:
    """Everything seen of an environment.

    *tasks* are the migrations and checks: never among the *copies*, whatever they are called. *unstarted*
    are those of them that cannot be started.
    """

    workloads: WorkloadsSeen = WorkloadsSeen()
    backing_ready: bool = True
    answers: Mapping[str, str] = field(default_factory=dict)
    """By the name of a canary step, what is wrong with what it asked; "" where nothing is."""
    evidence: Mapping[tuple[int, str], Evidence] = field(default_factory=dict)
    """By deployment and service, how the canary on trial there does so far."""
    suspicions: Mapping[str, str] = field(default_factory=dict)
    """By service that is watched after its success, in what users of it get worse than before."""
    routing: RoutingSeen = RoutingSeen()
    unstarted: Mapping[str, Unstarted] = field(default_factory=dict)

    @property
    def visible(self) -> bool:
        """Whether anybody can say who is fit for traffic."""
        return self.workloads.visible

    @property
    def copies(self) -> Mapping[str, CopySeen]:
        """All copies by name, those that are leaving too."""
        return self.workloads.copies

    @property
    def tasks(self) -> Mapping[str, TaskSeen]:
        """The migrations and checks by name."""
        return self.workloads.tasks

    def of(self, service: str, label: str | None = None) -> list[CopySeen]:
        """The copies of *service*, or those at *label* alone."""
        return [c for c in self.workloads.by_service.get(service, ()) if label in {None, c.label}]

    def size(self, service: str) -> int | None:
        """What 100 % of *service* is on its platform; None where only the policy says so."""
        seen = self.workloads.services.get(service)
        return seen.size if seen is not None else None

    def home(self, service: str) -> str | None:
        """The label that alone has the lasting place of *service*; None while none has."""
        seen = self.workloads.services.get(service)
        return seen.home if seen is not None else None

    def unended_tasks(self, service: str, but: str) -> list[str]:
        """The tasks of *service* of which something may still run, *but* for one: they have the same data."""
        return sorted(
            name
            for name, task in self.tasks.items()
            if task.service == service and name != but and task.phase is not ProcessPhase.EXITED
        )
