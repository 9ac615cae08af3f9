"""The Workloads and TrafficRouter ports: what is wanted of each version, told to a cluster.

Nothing is remembered here but the last target, and what a restart finds again by looking: which slot has
which version is planned anew at each look (`slots.py`).
"""

import threading
from collections.abc import Callable, Collection, Mapping
from functools import reduce
from typing import Any

from carelane.base.clock import Clock
from carelane.base.errors import CarelaneError, ConflictError, PlatformError
from carelane.delivery import users
from carelane.delivery.observations import ProcessPhase, RoutingSeen, WorkloadsSeen
from carelane.delivery.ports import Task
from carelane.delivery.releases import RouteSettings, ServiceKind, ServiceVersion
from carelane.delivery.targets import ServiceTarget, Target
from carelane.platforms.kubernetes import objects
from carelane.platforms.kubernetes.metadata import is_ending, managers, marks
from carelane.platforms.kubernetes.objects import Place, Way
from carelane.platforms.kubernetes.ports import Changes, Kind, Object, View
from carelane.platforms.kubernetes.seen import (
    GENERATION,
    WEIGHTS,
    WEIGHTS_SINCE,
    Readiness,
    Seen,
    as_of,
    is_by_hand,
    rules,
    taken,
)
from carelane.platforms.kubernetes.slots import Hold, Size, Slot, Slots, Template, Write, plan, weigh

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
        look = self._look()
        for name, wanted in target.services.items():
            for write in plan(wanted, look.slots(name, _drain_seconds(wanted))):
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
        look = self._look()
        there = {pod["metadata"]["uid"]: pod for name in look.services for pod in look.pods(name)}
        listed = {uid for uid, pod in there.items() if look.is_listed(pod, ending=is_ending(pod))}
        self._readiness.look(listed, set(there))
        self._seen = self._observed(look, visible=visible)
        return self._seen

    def known(self) -> WorkloadsSeen:
        """The same as of the last look, with what is meant of each by now."""
        return self._observed(self._look(), visible=self._seen.visible)

    def check(self, versions: Collection[ServiceVersion]) -> None:
        """Ask the cluster whether it would take their Deployments; nobody else's may be in their places."""
        for version in versions:
            self._refuse_what_is_another_s(version.service)
            name, fields = (
                self._place.name(version.service),
                objects.deployment(self._place, version, Slot.STABLE),
            )
            self._changes.apply(Kind.DEPLOYMENT, name, fields, only_check=True)

    def _refuse_what_is_another_s(self, service: str) -> None:
        """What has one of our names and not our label was made by somebody else: it is not written over."""
        for slot in Slot:
            name = self._place.name(service, slot)
            for kind in (Kind.DEPLOYMENT, Kind.SERVICE, Kind.ROUTE):
                there = self._changes.find(kind, name)
                if there is not None and not objects.is_ours(self._place.owner, there):
                    whose = marks(there).get(objects.OWNER) or ", ".join(managers(there))
                    raise ConflictError(
                        f"{kind.value[2]} {name} in {self._place.namespace} is somebody else's:"
                        f" {whose or 'nobody says whose'}",
                        hint="delete it there, or choose another kubernetes.prefix",
                    )

    def start(self, task: Task) -> None:
        """Let a Job run once: a name is given once."""
        made = self._changes.create(Kind.JOB, objects.job(self._place, task))
        if made is not None:
            self._view.note(Kind.JOB, made)

    def end(self, task: str) -> None:
        """Delete it, with its Pods."""
        self._changes.delete(Kind.JOB, task)

    def _observed(self, look: Seen, *, visible: bool) -> WorkloadsSeen:
        names = look.services | set(self._target.services)
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

    def _look(self) -> Seen:
        return Seen(self._place, self._view, self._readiness, self._clock.wall())

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

    def held(self) -> dict[str, Slots] | None:
        """The slots of each service; None while the cluster does not say how they are."""
        if not self._view.look(moving=False):
            return None
        look = self._look()
        return {name: look.slots(name) for name in look.services}

    # -- TrafficRouter

    def route(self, target: Target) -> None:
        """Bring the weights into force: a PATCH for each route whose weights are others."""
        with self._routing:
            if target.generation < self._routed_as_of:
                return
            self._routed_as_of = target.generation
            look, problems = self._look(), []
            slots = {name: look.slots(name, _drain_seconds(w)) for name, w in target.services.items()}
            weights = {name: weigh(w, slots[name]) for name, w in target.services.items()}
            paths = _paths(target, slots, weights)
            for name, wanted in target.services.items():
                try:
                    if not _has_route(wanted):
                        self._end_route(look, name)
                        continue
                    way = Way(paths[name], _timeout_seconds(wanted))
                    self._route(look, name, way, weights[name], target.generation)
                    self._written[name] = target.generation
                except CarelaneError as problem:
                    problems.append(problem)
            if problems:
                raise problems[0]

    def _end_route(self, look: Seen, name: str) -> None:
        """A worker has no route, nor has what is taken out."""
        if look.route(name) is not None:
            self._changes.delete(Kind.ROUTE, self._place.name(name))
        self._written.pop(name, None)

    def _route(
        self,
        look: Seen,
        name: str,
        way: Way,
        wanted: Mapping[Slot, int] | None,
        generation: int,
    ) -> None:
        """Bring one service's route about; where nobody is *wanted* to have its users they stay."""
        found, now = look.route(name), look.weights(name)
        weights = now if wanted is None else wanted
        if not any(weights.values()):
            weights = {Slot.STABLE: 1}
        if found is None or not _leads(found, way) or GENERATION not in marks(found):
            self._make_route(name, way, weights, generation)
        elif now != {slot: weights.get(slot, 0) for slot in Slot}:
            self._weigh(found, name, weights, generation)

    def _make_route(self, name: str, way: Way, weights: Mapping[Slot, int], generation: int) -> None:
        for slot in Slot:
            called = self._place.name(name, slot)
            self._changes.apply(Kind.SERVICE, called, objects.service(self._place, name, slot))
        fields = objects.route(self._place, name, way, weights)
        fields["metadata"]["annotations"] |= self._marks(generation, weights)
        self._view.note(Kind.ROUTE, self._changes.apply(Kind.ROUTE, self._place.name(name), fields))

    def _weigh(self, found: Object, name: str, weights: Mapping[Slot, int], generation: int) -> None:
        """One PATCH, refused by the cluster if somebody who decided later was there before."""
        if as_of(found) > generation:
            raise ConflictError(f"the route of {name} was written by who decided later")
        operations: list[dict[str, Any]] = [
            {"op": "test", "path": _pointer(GENERATION), "value": marks(found).get(GENERATION)},
            *(
                {"op": "add", "path": _pointer(key), "value": value}
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
        return self._look().route(service) is not None

    def ask_version(self, service: str, label: str, path: str, timeout_seconds: float) -> tuple[int, bytes]:
        """GET *path* of the slot that has this version."""
        slots = self._look().slots(service)
        slot = next((slot for slot, seen in slots.items() if seen.pure(label)), None)
        if slot is None or not self.reaches(service):
            raise PlatformError(f"no slot of {service} has {label} alone: it cannot be asked by itself")
        return self._asks(path, {objects.STEERED: f"{service}-{slot}"}, timeout_seconds)


def _drain_seconds(wanted: ServiceTarget) -> float:
    """The longest that one of its versions has to finish."""
    return max((version.run.drain_seconds for version in wanted.versions.values()), default=0.0)


def _takes_requests(wanted: ServiceTarget) -> list[str]:
    """Its web versions, in the order of `users.in_order`."""
    return users.in_order(wanted.versions, wanted.stable, wanted.trial)


def _has_route(wanted: ServiceTarget) -> bool:
    return wanted.home is not None and bool(_takes_requests(wanted))


def _paths(
    target: Target, slots: Mapping[str, Slots], weights: Mapping[str, Mapping[Slot, int] | None]
) -> dict[str, tuple[str, ...]]:
    """The paths at the front door that are each service's own by now, of those that have a route."""
    carried = {}
    for name, wanted in target.services.items():
        if _has_route(wanted):
            given = weights[name] or {slot: seen.weight for slot, seen in slots[name].items()}
            by_label = {
                label: sum(weight for slot, weight in given.items() if slots[name][slot].ready(label))
                for label in _takes_requests(wanted)
            }
            carried[name] = users.Carried(
                wanted.stable, wanted.trial, wanted.versions, by_label, tuple(wanted.copies)
            )
    return users.paths(carried)


def _pointer(mark: str) -> str:
    """Where a JSON Patch finds an annotation."""
    return f"/metadata/annotations/{mark.replace('/', '~1')}"


def _timeout_seconds(wanted: ServiceTarget) -> float | None:
    """The longest that one of its versions allows at one of its paths: a route has one limit for all."""
    runs = [version.run for version in wanted.versions.values()]
    said = [run.route_settings.get(path, RouteSettings()) for run in runs for path in run.routes]
    return reduce(RouteSettings.or_more, said).timeout_seconds if said else None


def _leads(route: Object, way: Way) -> bool:
    """Whether *route* has that way, as it was made."""
    limits = {(rule.get("timeouts") or {}).get("request") for rule in rules(route)}
    return _paths_of(route) == list(way.paths) and limits == {objects.duration(way.timeout_seconds)}


def _paths_of(route: Object) -> list[str]:
    users_rules = [rule for rule in rules(route) if not is_by_hand(rule)]
    return [match["path"]["value"] for rule in users_rules for match in rule["matches"]]
