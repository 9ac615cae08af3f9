"""What the objects of a namespace say of slots, copies and tasks."""

import functools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from carelane.delivery.copies import Purpose
from carelane.delivery.observations import (
    CopySeen,
    ProcessPhase,
    RoutingSeen,
    ServiceSeen,
    TaskSeen,
    Unstarted,
)
from carelane.delivery.targets import ServiceTarget
from carelane.platforms.kubernetes.metadata import is_ending, is_over, labels_of, marks, when, when_said
from carelane.platforms.kubernetes.objects import RESTARTED, SERVICE, SLOT, TASK, VERSION, Place
from carelane.platforms.kubernetes.ports import Kind, Object, View
from carelane.platforms.kubernetes.slots import PodSeen, Slot, SlotSeen

_SLOTS = frozenset(Slot)
READY_SECONDS = 0.25
"""How long something is ready before it gets users: the gateway hears of it a moment later than we do."""
SERVICE_NAME = "kubernetes.io/service-name"
"""The label of an EndpointSlice that says of which Service it is."""
WEIGHTS_SINCE = "carelane.dev/weights-since"
"""The annotation of a route that says since when its weights are what they are."""
WEIGHTS = "carelane.dev/weights"
"""The annotation of a route that says which part of the traffic each slot was given, in their order."""
GENERATION = "carelane.dev/generation"
"""The annotation of a route that says as of which recorded generation it was written: a fence."""
WAITING_IS_WRONG = frozenset(
    {
        "CreateContainerConfigError",
        "CreateContainerError",
        "ErrImageNeverPull",
        "ErrImagePull",
        "ImagePullBackOff",
        "InvalidImageName",
        "RunContainerError",
    }
)
"""For what a container waits that never began, and will not by itself."""


@dataclass
class Readiness:
    """Since when each Pod has been seen to be given requests, or not to be, by its UID.

    The cluster's own word is good for whole seconds only, and a gateway hears it later than we do.
    """

    monotonic: Callable[[], float] = time.monotonic
    _since: dict[str, float] = field(default_factory=dict)
    _last: dict[str, float] = field(default_factory=dict)

    def look(self, ready: set[str], there: set[str]) -> None:
        """Those of the Pods that are *there* that are *ready* now."""
        now = self.monotonic()
        self._since = {uid: self._since.get(uid, now) for uid in ready}
        self._last = {uid: now if uid in ready else self._last.get(uid, now) for uid in there}

    def lasts(self, uid: str) -> bool:
        """Whether it has been ready for long enough to be given users."""
        since = self._since.get(uid)
        return since is not None and self.monotonic() - since >= READY_SECONDS

    def quiet(self, uid: str) -> bool:
        """Whether it has not been ready for long enough for everybody to know."""
        last = self._last.get(uid)
        return uid not in self._since and last is not None and self.monotonic() - last >= READY_SECONDS


@dataclass(frozen=True)
class Seen:
    """One look at the namespace of an environment: its Pods and their endpoints are gone through once."""

    place: Place
    view: View
    readiness: Readiness
    now: datetime

    # -- slots

    def slots(self, service: str, drain_seconds: float = 0.0) -> dict[Slot, SlotSeen]:
        """The three slots of *service*, whether there is something in them or not.

        They have rested once their weights are as they are for *drain_seconds*.
        """
        weights, rested = self.weights(service), self._rested(service, drain_seconds)
        return {slot: self._slot(service, slot, weights.get(slot, 0), rested=rested) for slot in Slot}

    def _slot(self, service: str, slot: Slot, weight: int, *, rested: bool) -> SlotSeen:
        name = self.place.name(service, slot)
        found = self.view.all(Kind.DEPLOYMENT).get(name)
        if found is None:
            return SlotSeen(weight=weight, rested=rested)
        spec, template = found["spec"], found["spec"]["template"]
        return SlotSeen(
            label=labels_of(template).get(VERSION),
            size=spec.get("replicas", 1),
            settled=found.get("status", {}).get("observedGeneration", 0) >= found["metadata"]["generation"],
            pods=tuple(self._pod(pod) for pod in self.pods(service, slot)),
            weight=weight,
            rested=rested,
            sized=self._autoscaler(name) is not None,
            paused=bool(spec.get("paused")),
            restarted_at=when_said(marks(template).get(RESTARTED)),
        )

    def _pod(self, pod: Object) -> PodSeen:
        up, uid = self.is_ready(pod) and (self.is_listed(pod) or not _serves(pod)), pod["metadata"]["uid"]
        lasts = self.readiness.lasts(uid) or self._ready_seconds(pod["status"]) > 1.0 + READY_SECONDS
        return PodSeen(
            label=labels_of(pod).get(VERSION, ""),
            up=up,
            ready=up and lasts,
            leaving=is_ending(pod),
            quiet=self.readiness.quiet(uid),
            since=when(pod["metadata"]["creationTimestamp"]),
        )

    def pods(self, service: str, slot: Slot | None = None) -> Iterator[Object]:
        """The Pods of *service*, or those in *slot* alone.

        No task is among them, nor what its Deployment does not count: what was evicted, and stays as an
        object, or was taken out of it by hand.
        """
        for pod in self._pods.get(service, ()):
            if slot in {None, labels_of(pod)[SLOT]}:
                yield pod

    @functools.cached_property
    def _pods(self) -> Mapping[str, list[Object]]:
        """By service, those that their Deployments count."""
        found: dict[str, list[Object]] = {}
        for pod in self.view.all(Kind.POD).values():
            labels = labels_of(pod)
            service, place = labels.get(SERVICE), labels.get(SLOT)
            if service is None or TASK in labels or place not in _SLOTS or is_over(pod):
                continue
            if labels.get("app") == self.place.name(service, Slot(place)):
                found.setdefault(service, []).append(pod)
        return found

    @property
    def services(self) -> set[str]:
        """Those that have Pods, whatever these are for."""
        labels = (labels_of(pod) for pod in self.view.all(Kind.POD).values())
        return {each[SERVICE] for each in labels if SERVICE in each}

    def is_ready(self, pod: Object) -> bool:
        """Whether it stays, and says that it is ready."""
        if is_ending(pod):
            return False
        conditions = {c["type"]: c["status"] for c in pod.get("status", {}).get("conditions", ())}
        return conditions.get("Ready") == "True"

    def is_listed(self, pod: Object, *, ending: bool = False) -> bool:
        """Whether requests for its slot are sent to it, as far as the cluster tells those who send them.

        What is *ending*, and serves still, is as good as listed: a gateway that has too few others (Envoy's
        panic threshold is one half) sends to it what comes.
        """
        labels, (ready, serving) = labels_of(pod), self._endpoints
        service = self.place.name(labels[SERVICE], Slot(labels[SLOT]))
        which = (service, pod["metadata"]["uid"])
        return which in ready or (ending and which in serving)

    @functools.cached_property
    def _endpoints(self) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
        """The endpoints that are ready, and those that serve: by their Service's name and their Pod's UID."""
        ready, serving = set(), set()
        for found in self.view.all(Kind.ENDPOINTS).values():
            service = labels_of(found).get(SERVICE_NAME, "")
            for endpoint in found.get("endpoints") or ():
                which = (service, (endpoint.get("targetRef") or {}).get("uid", ""))
                said = endpoint.get("conditions") or {}
                if said.get("ready") is not False:
                    ready.add(which)
                if said.get("serving"):
                    serving.add(which)
        return ready, serving

    def _autoscaler(self, deployment: str) -> Object | None:
        for found in self.view.all(Kind.AUTOSCALER).values():
            target = found["spec"]["scaleTargetRef"]
            if (target["kind"], target["name"]) == ("Deployment", deployment):
                return found
        return None

    # -- traffic

    def route(self, service: str) -> Object | None:
        """The HTTPRoute of *service*, where there is one."""
        return self.view.all(Kind.ROUTE).get(self.place.name(service))

    def weights(self, service: str) -> dict[Slot, int]:
        """The parts of the users' traffic by slot, as the route has them.

        Where it has no path, and nobody comes by it, as it was told last.
        """
        found = self.route(service)
        weights = dict.fromkeys(Slot, 0)
        if found is None:
            return weights
        users = [rule for rule in rules(found) if not is_by_hand(rule)]
        if not users:
            said = marks(found).get(WEIGHTS, "").split("/")
            return dict(zip(Slot, map(int, said), strict=True)) if _are_weights(said) else weights
        names = {self.place.name(service, slot): slot for slot in Slot}
        for each in users[0].get("backendRefs") or ():
            if each["name"] in names:
                weights[names[each["name"]]] = each.get("weight", 1)
        return weights

    def _rested(self, service: str, drain_seconds: float) -> bool:
        found = self.route(service)
        since = when_said(marks(found).get(WEIGHTS_SINCE)) if found is not None else None
        return since is None or (self.now - since).total_seconds() >= drain_seconds

    # -- for decisions, and for people

    def service(self, service: str) -> ServiceSeen:
        """Its size, where an autoscaler says so, and the version that alone has the lasting place."""
        stable = self.slots(service)[Slot.STABLE]
        scaler = self._autoscaler(self.place.name(service))
        desired = (scaler or {}).get("status", {}).get("desiredReplicas")
        home = stable.label if stable.settled and stable.size and stable.pure(stable.label) else None
        return ServiceSeen(desired or None, home)

    def copy(self, pod: Object, wanted: ServiceTarget | None) -> CopySeen:
        """One Pod as a copy of its version."""
        meta, status = pod["metadata"], pod.get("status", {})
        labels, leaving = labels_of(pod), is_ending(pod)
        container, ready = _container(status, labels[SERVICE]), self.is_ready(pod)
        last = container.get("lastState", {}).get("terminated") or container.get("state", {}).get(
            "terminated"
        )
        return CopySeen(
            id=meta["name"],
            service=labels[SERVICE],
            label=labels.get(VERSION, ""),
            purpose=None if leaving else self._purpose(labels, wanted),
            since=when(meta["creationTimestamp"]),
            phase=_phase(pod, container, leaving=leaving),
            ready=ready,
            ready_seconds=self._ready_seconds(status) if ready else 0.0,
            leaving=leaving,
            restarts=container.get("restartCount"),
            exit_code=last.get("exitCode") if last else None,
            unstarted=self._unstarted(pod, container),
            place=f"node {pod['spec']['nodeName']}" if pod["spec"].get("nodeName") else "no node yet",
        )

    def _purpose(self, labels: Mapping[str, str], wanted: ServiceTarget | None) -> Purpose | None:
        """What it is there for by now: what users have serves them, whatever is wanted of it."""
        copies = wanted.copies.get(labels.get(VERSION, "")) if wanted is not None else None
        if copies is not None and copies.serves and copies.percent:
            return copies.purpose
        if self.weights(labels[SERVICE])[Slot(labels[SLOT])]:
            return Purpose.SERVE
        return Purpose.WARM if copies is not None and copies.purpose is Purpose.WARM else None

    def _ready_seconds(self, status: Mapping[str, Any]) -> float:
        times = [c["lastTransitionTime"] for c in status.get("conditions", ()) if c["type"] == "Ready"]
        return max(0.0, (self.now - when(times[0])).total_seconds()) if times else 0.0

    def _unstarted(self, pod: Object, container: Mapping[str, Any]) -> Unstarted | None:
        waiting = container.get("state", {}).get("waiting", {})
        since = when(pod["metadata"]["creationTimestamp"])
        if waiting.get("reason") in WAITING_IS_WRONG:
            return Unstarted(f"{waiting['reason']}: {waiting.get('message', 'no reason given')}", since)
        for condition in pod.get("status", {}).get("conditions", ()):
            if condition.get("reason") == "Unschedulable":
                return Unstarted(f"Unschedulable: {condition.get('message', '')}", since)
        return None

    def tasks(self) -> dict[str, TaskSeen]:
        """The tasks by name; one whose Job is gone runs for as long as its Pod does."""
        found = {}
        for pod in self.view.all(Kind.POD).values():
            labels = labels_of(pod)
            if TASK in labels and not is_over(pod):
                found[labels[TASK]] = TaskSeen(labels.get(SERVICE, ""), ProcessPhase.RUNNING)
        for name, job in self.view.all(Kind.JOB).items():
            labels = labels_of(job)
            if TASK in labels and (not is_ending(job) or labels[TASK] not in found):
                found[labels[TASK]] = self._task(name, labels.get(SERVICE, ""), job)
        return found

    def _task(self, name: str, service: str, job: Object) -> TaskSeen:
        ends = {c["type"] for c in job.get("status", {}).get("conditions", ()) if c["status"] == "True"}
        if not ends & {"Complete", "Failed"}:
            return TaskSeen(service, ProcessPhase.RUNNING)
        if "Complete" in ends:
            return TaskSeen(service, ProcessPhase.EXITED, 0)
        pods = (p for p in self.view.all(Kind.POD).values() if labels_of(p).get("job-name") == name)
        codes = [_exit_code(pod, service) for pod in pods]
        if None in codes:
            return TaskSeen(service, ProcessPhase.RUNNING)  # its Pod is told of a moment later than its Job
        return TaskSeen(service, ProcessPhase.EXITED, next(iter(codes), None))


def _serves(pod: Object) -> bool:
    """Whether it is of a service that takes requests."""
    return any(container.get("ports") for container in pod["spec"].get("containers", ()))


def rules(route: Object) -> list[Mapping[str, Any]]:
    """The rules of a route."""
    return list(route["spec"].get("rules", ()))


def is_by_hand(rule: Mapping[str, Any]) -> bool:
    """Whether it steers by a header, to one slot."""
    return any("headers" in match for match in rule.get("matches", ()))


def taken(route: Object, generation: int) -> RoutingSeen:
    """Whether every gateway took *route* as it is, which was written as of *generation*."""
    parents = (route.get("status") or {}).get("parents") or ()
    found = [_taken_by(parent, route["metadata"]["generation"]) for parent in parents]
    rejected = next((words for words in found if words), "")
    if rejected:
        return RoutingSeen(None, f"{route['metadata']['name']}: {rejected}")
    return RoutingSeen(generation if found and None not in found else None)


def _taken_by(parent: Mapping[str, Any], version: int) -> str | None:
    """Why a gateway rejected that *version*, nothing where it took it; None where it has not said yet."""
    conditions = {c["type"]: c for c in parent.get("conditions") or ()}
    both = [conditions.get("Accepted"), conditions.get("ResolvedRefs")]
    said = [c for c in both if c is not None and c.get("observedGeneration", 0) >= version]
    if len(said) < len(both):
        return None
    wrong = [c for c in said if c["status"] != "True"]
    return f"{wrong[0]['reason']}: {wrong[0].get('message', '')}" if wrong else ""


def as_of(route: Object) -> int:
    """The recorded generation that *route* was written as of; 0 where it does not say."""
    said = marks(route).get(GENERATION, "")
    return int(said) if said.isdigit() else 0


def _are_weights(said: list[str]) -> bool:
    return len(said) == len(_SLOTS) and all(each.isdigit() for each in said)


def _container(status: Mapping[str, Any], service: str) -> Mapping[str, Any]:
    """The status of the container that is the service itself: others may have been put beside it."""
    found: list[Mapping[str, Any]] = status.get("containerStatuses") or []
    named = [each for each in found if each.get("name") == service]
    return next(iter((*named, *found)), {})


def _exit_code(pod: Object, service: str) -> int | None:
    ended = _container(pod.get("status") or {}, service).get("state", {}).get("terminated")
    return int(ended["exitCode"]) if ended else None


def _phase(pod: Object, container: Mapping[str, Any], *, leaving: bool) -> ProcessPhase | None:
    state = container.get("state", {})
    if leaving:
        return ProcessPhase.STOPPING
    if "running" in state:
        return ProcessPhase.RUNNING
    if "terminated" in state or is_over(pod):
        return ProcessPhase.EXITED
    if state.get("waiting", {}).get("reason") == "CrashLoopBackOff":
        return ProcessPhase.BACKOFF
    return None
