"""The Workloads and TrafficRouter ports: what is wanted of each version, told to a cluster.

Nothing is remembered here but the last target, and what a restart finds again by looking: which slot has
which version is planned anew at each look (`slots.py`).
"""

import threading
from collections.abc import Callable, Mapping
from typing import Any

from carelane.base.clock import Clock
from carelane.base.errors import CarelaneError, ConflictError, PlatformError
from carelane.delivery import users
from carelane.delivery.observations import ProcessPhase, RoutingSeen, WorkloadsSeen
from carelane.delivery.ports import Task
from carelane.delivery.releases import ServiceKind
from carelane.delivery.targets import ServiceTarget, Target
from carelane.platforms.kubernetes import objects
from carelane.platforms.kubernetes.objects import Place
from carelane.platforms.kubernetes.ports import Changes, Kind, Object, View
from carelane.platforms.kubernetes.seen import (
    GENERATION,
    WEIGHTS,
    WEIGHTS_SINCE,
    Readiness,
    Seen,
    as_of,
    is_by_hand,
    marks,
    rules,
    taken,
)
from carelane.platforms.kubernetes.slots import Hold, Size, Slot, Template, Write, plan

Asks = Callable[[str, Mapping[str, str], float], tuple[int, bytes]]
"""GET a path at the front door with some headers, in so many seconds: status and body."""


class KubernetesPlatform:
    """One environment in one namespace of a cluster."""

    def __init__(self, place: Place, view: View, changes: Changes, clock: Clock, asks: Asks) -> None:
        self._place, self._view, self._changes, self._clock, self._asks = place, view, changes, clock, asks
        self._readiness = Readiness()
        self._target = Target(0)
        self._seen = WorkloadsSeen()
        self._written: dict[str, int] = {}
        self._routed_as_of = 0
        self._routing = threading.Lock()

    # -- Workloads

    def converge(self, target: Target) -> bool:
        """One step of each service to what is wanted."""
        if target.generation < self._target.generation or not self._seen.visible:
            return True
        self._target = target
        changed, problems = False, []
        for name, wanted in target.services.items():
            for write in plan(wanted, self._look(wanted).slots(name)).writes:
                try:
                    self._write(name, wanted, write)
                    changed = True
                except CarelaneError as problem:
                    problems.append(problem)
        if problems:
            raise problems[0]
        return changed

    def observe(self) -> WorkloadsSeen:
        """What there is; not visible while the cluster does not say."""
        visible = self._view.look(moving=True)
        look = self._look(None)
        there = {pod["metadata"]["uid"]: pod for name in self._names() for pod in look.pods(name)}
        listed = {uid for uid, pod in there.items() if look.is_listed(pod, ending=_ends(pod))}
        self._readiness.look(listed, set(there))
        self._seen = self._observed(visible=visible)
        return self._seen

    def known(self) -> WorkloadsSeen:
        """The same as of the last look, with what is meant of each by now."""
        return self._observed(visible=self._seen.visible)

    def start(self, task: Task) -> None:
        """Let a Job run once: a name is given once."""
        made = self._changes.create(Kind.JOB, task.name, objects.job(self._place, task))
        if made is not None:
            self._view.note(Kind.JOB, made)

    def end(self, task: str) -> None:
        """Delete it, with its Pods."""
        self._changes.delete(Kind.JOB, task)

    def _observed(self, *, visible: bool) -> WorkloadsSeen:
        look = self._look(None)
        names = self._names()
        copies = {}
        for name in names:
            for pod in look.pods(name):
                copies[pod["metadata"]["name"]] = look.copy(pod, self._target.services.get(name))
        ended = {n for n, c in copies.items() if c.phase is ProcessPhase.EXITED and not c.stays}
        return WorkloadsSeen(
            {name: copy for name, copy in copies.items() if name not in ended},
            {name: look.service(name) for name in names},
            look.tasks(),
            visible=visible,
        )

    def _names(self) -> set[str]:
        """The services that are wanted here, or have Pods."""
        labels = (pod["metadata"].get("labels") or {} for pod in self._view.all(Kind.POD).values())
        there = {each[objects.SERVICE] for each in labels if objects.SERVICE in each}
        return there | set(self._target.services)

    def _look(self, wanted: ServiceTarget | None) -> Seen:
        drains = [v.run.drain_seconds for v in wanted.versions.values()] if wanted is not None else []
        return Seen(self._place, self._view, self._readiness, self._clock.wall(), max(drains, default=0.0))

    def _write(self, service: str, wanted: ServiceTarget, write: Write) -> None:
        name = self._place.name(service, write.slot)
        match write:
            case Template():
                self._give(service, wanted, write)
            case Size():
                self._changes.scale(name, write.size)
            case Hold():
                found = self._changes.patch(
                    Kind.DEPLOYMENT, name, [{"op": "add", "path": "/spec/paused", "value": write.paused}]
                )
                self._view.note(Kind.DEPLOYMENT, found)

    def _give(self, service: str, wanted: ServiceTarget, write: Template) -> None:
        version = wanted.versions[write.label]
        name = self._place.name(service, write.slot)
        fields = objects.deployment(
            self._place,
            version,
            write.slot,
            trial=wanted.trial == write.label,
            pace=wanted.pace,
            size=wanted.size,
            restarted_at=write.restarted_at,
        )
        if version.run.kind is ServiceKind.WEB:
            self._changes.apply(Kind.SERVICE, name, objects.service(self._place, service, write.slot))
        self._view.note(Kind.DEPLOYMENT, self._changes.apply(Kind.DEPLOYMENT, name, fields))

    # -- TrafficRouter

    def route(self, target: Target) -> None:
        """Bring the weights into force: a PATCH for each route whose weights are others."""
        with self._routing:
            if target.generation < self._routed_as_of:
                return
            self._routed_as_of = target.generation
            paths = self._paths(target)
            problems = []
            for name, wanted in target.services.items():
                try:
                    if self._route(name, wanted, paths.get(name, ()), target.generation):
                        self._written[name] = target.generation
                    else:
                        self._written.pop(name, None)
                except CarelaneError as problem:
                    problems.append(problem)
            if problems:
                raise problems[0]

    def _paths(self, target: Target) -> dict[str, tuple[str, ...]]:
        """The paths at the front door that are each service's own by now."""
        carried = {}
        for name, wanted in target.services.items():
            labels = users.in_order(wanted.versions, wanted.stable, wanted.trial)
            if labels and wanted.home is not None:
                slots = self._look(wanted).slots(name)
                weights = plan(wanted, slots).weights or {s: seen.weight for s, seen in slots.items()}
                by_label = {
                    label: sum(w for s, w in weights.items() if slots[s].ready(label)) for label in labels
                }
                carried[name] = users.Carried(
                    wanted.stable, wanted.trial, wanted.versions, by_label, tuple(wanted.copies)
                )
        return users.paths(carried)

    def _route(self, name: str, wanted: ServiceTarget, paths: tuple[str, ...], generation: int) -> bool:
        """Bring one service's route about; whether it is to have one."""
        look = self._look(wanted)
        slots, found = look.slots(name), look.route(name)
        weights = plan(wanted, slots).weights
        if wanted.home is None or not users.in_order(wanted.versions, wanted.stable, wanted.trial):
            if found is not None:
                self._changes.delete(Kind.ROUTE, self._place.name(name))
            return False
        if weights is None:
            weights = look.weights(name) if found is not None else {}
        if not any(weights.values()):
            weights = {Slot.STABLE: 1}
        if found is None or _paths_of(found) != list(paths) or GENERATION not in marks(found):
            self._make_route(name, paths, weights, generation)
        elif look.weights(name) != {slot: weights.get(slot, 0) for slot in Slot}:
            self._weigh(found, name, weights, generation)
        return True

    def _make_route(
        self, name: str, paths: tuple[str, ...], weights: Mapping[Slot, int], generation: int
    ) -> None:
        for slot in Slot:
            called = self._place.name(name, slot)
            self._changes.apply(Kind.SERVICE, called, objects.service(self._place, name, slot))
        fields = objects.route(self._place, name, paths, weights)
        fields["metadata"]["annotations"] = self._marks(generation, weights)
        self._view.note(Kind.ROUTE, self._changes.apply(Kind.ROUTE, self._place.name(name), fields))

    def _weigh(self, found: Object, name: str, weights: Mapping[Slot, int], generation: int) -> None:
        """One PATCH, refused by the cluster if somebody who decided later was there before."""
        if as_of(found) > generation:
            raise ConflictError(f"the route of {name} was written by who decided later")
        mark = f"/metadata/annotations/{GENERATION.replace('/', '~1')}"
        operations: list[dict[str, Any]] = [
            {"op": "test", "path": mark, "value": marks(found).get(GENERATION)},
            *(
                {"op": "add", "path": f"/metadata/annotations/{key.replace('/', '~1')}", "value": value}
                for key, value in self._marks(generation, weights).items()
            ),
        ]
        for at, rule in enumerate(rules(found)):
            if is_by_hand(rule):
                continue
            for place, slot in enumerate(Slot):
                path = f"/spec/rules/{at}/backendRefs/{place}"
                named = self._place.name(name, slot)  # somebody may have put another rule there
                operations.append({"op": "test", "path": f"{path}/name", "value": named})
                operations.append({"op": "replace", "path": f"{path}/weight", "value": weights.get(slot, 0)})
        self._view.note(Kind.ROUTE, self._changes.patch(Kind.ROUTE, self._place.name(name), operations))

    def _marks(self, generation: int, weights: Mapping[Slot, int]) -> dict[str, str]:
        return {
            GENERATION: str(generation),
            WEIGHTS: "/".join(str(weights.get(slot, 0)) for slot in Slot),
            WEIGHTS_SINCE: self._clock.wall().isoformat(),
        }

    def routed(self) -> RoutingSeen:
        """The generation that every gateway took, or who rejected what."""
        written = dict(self._written)
        if not written:
            return RoutingSeen(self._routed_as_of)
        found = []
        for name, generation in written.items():
            route = self._view.all(Kind.ROUTE).get(self._place.name(name))
            found.append(taken(route, generation) if route is not None else RoutingSeen(None))
        rejected = next((seen.rejected for seen in found if seen.rejected), "")
        generations = [seen.generation for seen in found if seen.generation is not None]
        return RoutingSeen(min(generations) if len(generations) == len(found) else None, rejected)

    def ask(self, path: str, timeout_seconds: float) -> tuple[int, bytes]:
        """GET *path* as a user would."""
        return self._asks(path, {}, timeout_seconds)

    def reaches(self, service: str) -> bool:
        """Whether it has a route, which the header steers."""
        return self._look(None).route(service) is not None

    def ask_version(self, service: str, label: str, path: str, timeout_seconds: float) -> tuple[int, bytes]:
        """GET *path* of the slot that has this version."""
        slots = self._look(None).slots(service)
        slot = next((slot for slot, seen in slots.items() if seen.pure(label)), None)
        if slot is None or not self.reaches(service):
            raise PlatformError(f"no slot of {service} has {label} alone: it cannot be asked by itself")
        return self._asks(path, {objects.STEERED: f"{service}-{slot}"}, timeout_seconds)


def _ends(pod: Object) -> bool:
    return "deletionTimestamp" in pod["metadata"]


def _paths_of(route: Object) -> list[str]:
    users_rules = [rule for rule in rules(route) if not is_by_hand(rule)]
    return [match["path"]["value"] for rule in users_rules for match in rule["matches"]]
