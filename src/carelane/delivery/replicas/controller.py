"""Keeps the copies of an environment whose platform keeps none: the Workloads and TrafficRouter ports.

What is wanted of each version is planned instance by instance (`planning`), recorded, and only then done.
The routing alone goes before the record, for users wait for it: where a server ends in between, the next one
plans the same again from what is wanted.
"""

import threading
from collections.abc import Collection
from dataclasses import replace

from carelane.audit.entries import Entry
from carelane.base.clock import Clock
from carelane.base.errors import InputError
from carelane.base.loops import Report
from carelane.delivery.copies import Purpose
from carelane.delivery.observations import (
    CopySeen,
    ProcessPhase,
    RoutingSeen,
    ServiceSeen,
    TaskSeen,
    WorkloadsSeen,
)
from carelane.delivery.ports import Backing, Task
from carelane.delivery.releases import ServiceVersion
from carelane.delivery.replicas import planning
from carelane.delivery.replicas.draft import FleetDraft, ready, ready_seconds
from carelane.delivery.replicas.fleet import Fleet, Instance, Intent
from carelane.delivery.replicas.ports import Fleets, Instances, Placement, Proxies
from carelane.delivery.replicas.routing import Routing, routing
from carelane.delivery.replicas.seen import FleetSeen
from carelane.delivery.starting import Starting
from carelane.delivery.targets import Target

UNKNOWN_GRACE_SECONDS = 10.0
_PURPOSES = {Intent.SERVE: Purpose.SERVE, Intent.WARM: Purpose.WARM}


class Replicas:
    """One environment's replica controller."""

    def __init__(
        self,
        environment: str,
        instances: Instances,
        proxies: Proxies,
        backing: Backing,
        fleets: Fleets,
        clock: Clock,
        report: Report,
    ) -> None:
        self._environment = environment
        self._instances = instances
        self._proxies = proxies
        self._backing = backing
        self._fleets = fleets
        self._clock = clock
        self._kept = self._fleet = fleets.fleet(environment)
        self._entries: list[Entry] = []
        self._target = Target(0)
        self._planned_by: FleetSeen | None = None
        self._routing = RoutingSeen()
        self._routed = Routing(0)
        self._seen = self._visible = FleetSeen()
        self._changed = False
        self._starting = Starting(environment, clock, report)
        self._told: tuple[Fleet, FleetSeen, WorkloadsSeen] | None = None
        self._lock = threading.Lock()

    @property
    def fleet(self) -> Fleet:
        """What is meant of each instance."""
        return self._fleet

    @property
    def seen(self) -> FleetSeen:
        """What was seen of them last."""
        return self._seen

    # -- who gets users

    def route(self, target: Target) -> None:
        """Bring the shares of *target* into force now."""
        with self._lock:
            # A look in which nobody could say who is fit is none to route by.
            if self._plan(target, self._visible):
                made = routing(target, self._fleet, self._visible)
                self._proxies.route(made)
                if made != self._routed:  # what was in force says nothing of this one
                    self._routed, self._routing = made, replace(self._routing, generation=None)
                self._keep()

    def routed(self) -> RoutingSeen:
        """Which generation every proxy that answers took, and what one of them rejected."""
        self._routing = self._proxies.routed()
        return self._routing

    def ask(self, path: str, timeout_seconds: float) -> tuple[int, bytes]:
        """Status and body of GET *path* through the front door."""
        return self._proxies.ask(path, timeout_seconds)

    def reaches(self, service: str) -> bool:
        """Whether *service* has an address of its own."""
        return f"services.{service}.url" in self._proxies.addresses()

    def ask_version(self, service: str, label: str, path: str, timeout_seconds: float) -> tuple[int, bytes]:
        """Status and body of GET *path* of one version."""
        return self._proxies.ask_version(service, label, path, timeout_seconds)

    # -- what runs

    def converge(self, target: Target) -> bool:
        """One step towards *target*: planned, recorded, and done."""
        with self._lock:
            if not self._plan(target, self._seen):
                return True
            self._keep()
            fleet, seen, changed = self._fleet, self._seen, self._changed
            self._changed = False
        self._act(fleet, seen, target.generation)
        return changed

    def _keep(self) -> None:
        """Record what was planned."""
        if self._fleet != self._kept or self._entries:
            self._fleets.keep(self._fleet, tuple(self._entries))
            self._kept, self._entries, self._changed = self._fleet, [], True

    def _plan(self, target: Target, seen: FleetSeen) -> bool:
        """Take the fleet one step towards *target*; False where it is older than what was wanted last."""
        if target.generation < self._target.generation:
            return False
        if seen is self._planned_by and target == self._target:
            return True  # the same again, a moment later
        draft = FleetDraft(self._fleet, target, seen, self._clock.now(), self._clock.wall())
        planning.step(draft)
        self._fleet = draft.fleet()
        self._entries += draft.entries
        self._target, self._planned_by = target, seen
        return True

    def _act(self, fleet: Fleet, seen: FleetSeen, generation: int) -> None:
        for instance in fleet.instances:
            version = fleet.version(instance)
            if instance.intent is Intent.STOP:
                self._instances.stop(instance.id, version.run.drain_seconds)
            elif _needs_start(seen, instance):
                self._start(instance, version, generation)
        there = {instance.id for instance in fleet.instances}
        self._starting.forget(there)
        for name in set(seen.instances) - there:
            self._clear(name, seen.instances[name].phase)

    def _clear(self, name: str, phase: ProcessPhase) -> None:
        """What is recorded nowhere ends, and what has ended is put aside."""
        if phase is ProcessPhase.EXITED:
            self._instances.forget(name)
        else:
            self._instances.stop(name, UNKNOWN_GRACE_SECONDS)

    def _start(self, instance: Instance, version: ServiceVersion, generation: int) -> None:
        def start() -> None:
            self._instances.start(self._placement(instance.id, generation), version)

        self._starting.attempt(instance.id, start)

    def _placement(self, name: str, generation: int) -> Placement:
        addresses = {**self._proxies.addresses(), **self._backing.addresses()}
        return Placement(name, self._environment, addresses, self._backing.secret_addresses(), generation)

    def check(self, versions: Collection[ServiceVersion]) -> None:
        """What was packed runs here, but for what needs a Secret; its artifacts are looked at elsewhere.

        Addresses are given out when a server starts.
        """
        known = self._proxies.addresses()
        for version in versions:
            for address in sorted(version.run.service_addresses - known.keys()):
                raise InputError(
                    f"{version.service} {version.label} needs ${{{address}}}, which this server does not"
                    " know",
                    hint="what carelane.yaml names since then has an address once the server starts anew:"
                    " `carelane down --keep-running`, `carelane up --detach`",
                )
            for name, reference in version.run.secrets.items():
                if reference.key is not None:
                    raise InputError(
                        f"{version.service} {version.label} takes {name} from a Secret, {reference.key},"
                        f" and {self._environment} is not on Kubernetes",
                        hint="say where else it is found in the environment's own settings of the service",
                    )

    def start(self, task: Task) -> None:
        """Let a migration or check run once."""
        self._instances.start(self._placement(task.name, task.generation), task.version, task.command)

    def end(self, task: str) -> None:
        """Stop it, and put aside what has ended."""
        seen = self._seen.tasks.get(task)
        if seen is not None:
            self._clear(task, seen.phase)

    # -- what is there

    def observe(self) -> WorkloadsSeen:
        """Instances and tasks, and what the proxies say of the former."""
        found = self._instances.observe()
        instances = {name: seen for name, seen in found.items() if seen.task_of is None}
        tasks = {name: seen for name, seen in found.items() if seen.task_of is not None}
        endpoints = self._proxies.observe()
        self._seen = FleetSeen(instances, endpoints, self._routing, self._starting.failed, tasks)
        if endpoints is not None:
            self._visible = self._seen
        return self.known()

    def known(self) -> WorkloadsSeen:
        """As it was found last, with what is meant of each instance by now."""
        fleet, seen, told = self._fleet, self._seen, self._told
        if told is not None and told[0] is fleet and told[1] is seen:
            return told[2]  # looked at and decided on, it is asked for again and again
        known = WorkloadsSeen(
            {i.id: _copy(i, fleet.version(i), seen) for i in fleet.instances},
            {name: ServiceSeen(home=_home(fleet, name)) for name in fleet.crews},
            {
                name: TaskSeen(task.task_of or "", task.phase, task.exit_code, task.supervised)
                for name, task in seen.tasks.items()
            },
            visible=seen.endpoints is not None,
        )
        self._told = fleet, seen, known
        return known


def _needs_start(seen: FleetSeen, instance: Instance) -> bool:
    """Whether nobody keeps it who should; what is on its way out and has ended is there already."""
    process = seen.instances.get(instance.id)
    if process is None or process.phase is ProcessPhase.EXITED:
        return instance.intent is not Intent.DRAIN
    return not process.supervised


def _home(fleet: Fleet, service: str) -> str | None:
    """Here each label that serves alone is at home: no place is another's."""
    labels = {i.label for i in fleet.crew(service).of_intent(Intent.SERVE)}
    return labels.pop() if len(labels) == 1 else None


def _copy(instance: Instance, version: ServiceVersion, seen: FleetSeen) -> CopySeen:
    process = seen.instances.get(instance.id)
    endpoint = (seen.endpoints or {}).get(instance.id)
    return CopySeen(
        id=instance.id,
        service=instance.service,
        label=instance.label,
        purpose=_PURPOSES.get(instance.intent),
        since=instance.since,
        phase=process.phase if process is not None else None,
        ready=ready(version, seen, instance),
        ready_seconds=ready_seconds(version, seen, instance),
        leaving=instance.intent is Intent.STOP,
        restarts=process.restarts if process is not None else None,
        exit_code=process.exit_code if process is not None else None,
        live=process.live if process is not None else None,
        unstarted=seen.unstarted.get(instance.id),
        place=process.place if process is not None else "",
        active_requests=endpoint.active_requests if endpoint is not None else None,
    )
