"""A cluster in memory: the View and Changes ports, and controllers that take a step at each look.

Deployments roll as the real controller rolls them: by a ReplicaSet for each template, within maxSurge and
maxUnavailable. What a test wants to go wrong is said by label.
"""

import copy
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from carelane.base.clock import Clock
from carelane.base.errors import ConflictError, PlatformError, Unavailable
from carelane.platforms.kubernetes.objects import TASK, VERSION
from carelane.platforms.kubernetes.ports import Kind, Object
from carelane.platforms.kubernetes.seen import SERVICE_NAME

READY_AFTER = 2
"""Looks until a Pod is ready."""
GONE_AFTER = 2
"""Looks that a Pod takes to end."""


@dataclass
class FakeCluster:
    """The objects of one namespace, and who acts on them."""

    clock: Clock
    ready_after: dict[str, int | None] = field(default_factory=dict)
    """By version; None is never."""
    exit_codes: dict[str, int] = field(default_factory=dict)
    """Of tasks, by name."""
    room: int | None = None
    """How many Pods there may be; None is no limit."""
    silent: bool = False
    stalled: bool = False
    """Its controllers do nothing."""
    refuses: Exception | None = None
    """What the next change comes to."""
    written: list[str] = field(default_factory=list)
    _objects: dict[Kind, dict[str, dict[str, Any]]] = field(
        default_factory=lambda: {kind: {} for kind in Kind}
    )
    _ages: dict[str, int] = field(default_factory=dict)
    _made: int = 0

    # -- View

    def look(self, *, moving: bool) -> bool:
        """Time goes by."""
        del moving
        if not (self.silent or self.stalled):
            self.step()
        return not self.silent

    def all(self, kind: Kind) -> Mapping[str, Object]:
        """What there is."""
        return self._objects[kind]

    def note(self, kind: Kind, found: Object) -> None:
        """It is known already."""

    # -- Changes

    def apply(self, kind: Kind, name: str, fields: Object, *, only_check: bool = False) -> Object:
        """Merge them into what is there."""
        self._allowed(f"{'check' if only_check else 'apply'} {kind.value[1]} {name}")
        if only_check:
            return fields
        there = self._objects[kind].get(name)
        if there is None:
            return self._make(kind, name, dict(fields))
        before = json.dumps(there["spec"], sort_keys=True)
        _merge(there, fields)
        if json.dumps(there["spec"], sort_keys=True) != before:
            there["metadata"]["generation"] += 1
        return there

    def find(self, kind: Kind, name: str) -> Object | None:
        """It, if it is there."""
        return self._objects[kind].get(name)

    def create(self, kind: Kind, whole: Object) -> Object | None:
        """Make it, once."""
        name = whole["metadata"]["name"]
        self._allowed(f"create {kind.value[1]} {name}")
        return None if name in self._objects[kind] else self._make(kind, name, dict(whole))

    def patch(self, kind: Kind, name: str, operations: Sequence[Mapping[str, Any]]) -> Object:
        """All of the operations or none."""
        self._allowed(f"patch {kind.value[1]} {name}")
        changed = copy.deepcopy(self._there(kind, name))
        for operation in operations:
            _operate(changed, operation)
        if changed["spec"] != self._objects[kind][name]["spec"]:
            changed["metadata"]["generation"] += 1
        self._objects[kind][name] = changed
        return changed

    def scale(self, deployment: str, size: int) -> None:
        """Its size alone."""
        self._allowed(f"scale {deployment} {size}")
        there = self._there(Kind.DEPLOYMENT, deployment)
        if there["spec"].get("replicas") != size:
            there["spec"]["replicas"] = size
            there["metadata"]["generation"] += 1

    def delete(self, kind: Kind, name: str) -> None:
        """It is gone at once; a Job takes its Pods along."""
        self._allowed(f"delete {kind.value[1]} {name}")
        self._objects[kind].pop(name, None)
        if kind is Kind.JOB:
            for pod in [n for n, p in self._pods() if p["metadata"]["labels"].get("job-name") == name]:
                del self._objects[Kind.POD][pod]

    def _allowed(self, what: str) -> None:
        if self.silent:
            raise Unavailable("the cluster does not answer")
        problem, self.refuses = self.refuses, None
        if problem is not None:
            raise problem
        self.written.append(what)

    def _there(self, kind: Kind, name: str) -> dict[str, Any]:
        found = self._objects[kind].get(name)
        if found is None:
            raise PlatformError(f"there is no {kind.value[2]} {name}")
        return found

    def _make(self, kind: Kind, name: str, whole: dict[str, Any]) -> dict[str, Any]:
        made = copy.deepcopy(whole)
        self._made += 1
        born = {"uid": f"uid-{self._made}", "generation": 1, "creationTimestamp": self._now()}
        made["metadata"] = {**made["metadata"], **born}
        if kind is Kind.DEPLOYMENT:
            made["spec"].setdefault("replicas", 1)
        self._objects[kind][name] = made
        return made

    def _now(self) -> str:
        return self.clock.wall().isoformat()

    # -- controllers

    def step(self) -> None:
        """Each of them once; who is told of endpoints hears what was true a look ago."""
        self._list_endpoints()
        for name, pod in list(self._pods()):
            self._ages[name] = self._ages.get(name, 0) + 1
            if "deletionTimestamp" in pod["metadata"]:
                pod["_gone_in"] -= 1
                if pod["_gone_in"] <= 0:
                    del self._objects[Kind.POD][name]
            elif TASK not in pod["metadata"]["labels"]:
                self._status(name, pod)
        for name, deployment in self._objects[Kind.DEPLOYMENT].items():
            _Rolling(self, name, deployment).step()
        for name, job in self._objects[Kind.JOB].items():
            self._run(name, job)
        for route in self._objects[Kind.ROUTE].values():
            generation = route["metadata"]["generation"]
            conditions = [
                {"type": kind, "status": "True", "observedGeneration": generation, "reason": kind}
                for kind in ("Accepted", "ResolvedRefs")
            ]
            route["status"] = {"parents": [{"conditions": conditions}]}

    def _list_endpoints(self) -> None:
        slices: dict[str, list[dict[str, Any]]] = {}
        for name, pod in self._pods():
            serving = _is_ready(pod)
            conditions = {"ready": serving and "deletionTimestamp" not in pod["metadata"], "serving": serving}
            told = {"targetRef": {"uid": pod["metadata"]["uid"]}, "conditions": conditions}
            slices.setdefault(pod.get("_of", name), []).append(told)
        self._objects[Kind.ENDPOINTS] = {
            name: {"metadata": {"name": name, "labels": {SERVICE_NAME: name}}, "endpoints": told}
            for name, told in slices.items()
        }

    def _status(self, name: str, pod: dict[str, Any]) -> None:
        after = self.ready_after.get(pod["metadata"]["labels"].get(VERSION, ""), READY_AFTER)
        ready = after is not None and self._ages[name] >= after
        before = pod["status"]["conditions"][0]["status"]
        if (before == "True") is not ready:
            condition = {"type": "Ready", "status": str(ready), "lastTransitionTime": self._now()}
            pod["status"]["conditions"] = [condition]

    def _run(self, name: str, job: dict[str, Any]) -> None:
        if "status" in job:
            return
        code = self.exit_codes.get(name, 0)
        job["status"] = {"conditions": [{"type": "Failed" if code else "Complete", "status": "True"}]}
        labels = {**job["metadata"]["labels"], "job-name": name}
        pod = self.add_pod(f"{name}-pod", labels)
        pod["status"]["containerStatuses"] = [{"state": {"terminated": {"exitCode": code}}}]

    def _pods(self) -> Iterator[tuple[str, dict[str, Any]]]:
        yield from self._objects[Kind.POD].items()

    def pods_of(self, deployment: str) -> list[tuple[str, dict[str, Any]]]:
        """Those that are to stay, by name."""
        return [
            (name, pod)
            for name, pod in self._pods()
            if pod.get("_of") == deployment and "deletionTimestamp" not in pod["metadata"]
        ]

    def has_room(self) -> bool:
        """Whether there may be one more Pod."""
        return self.room is None or len(self._objects[Kind.POD]) < self.room

    def add_pod(self, name: str, labels: Mapping[str, str]) -> dict[str, Any]:
        """A Pod that has just begun."""
        self._made += 1
        pod: dict[str, Any] = {
            "metadata": {
                "name": name,
                "uid": f"uid-{self._made}",
                "creationTimestamp": self._now(),
                "labels": dict(labels),
            },
            "spec": {"nodeName": "node1"},
            "status": {
                "conditions": [{"type": "Ready", "status": "False", "lastTransitionTime": self._now()}],
                "containerStatuses": [{"restartCount": 0, "state": {"running": {}}}],
            },
        }
        self._objects[Kind.POD][name] = pod
        self._ages[name] = 0
        return pod

    def end_pod(self, pod: dict[str, Any]) -> None:
        """It begins to end."""
        pod["metadata"]["deletionTimestamp"] = self._now()
        pod["_gone_in"] = GONE_AFTER

    def number(self) -> int:
        """One that nothing here has had."""
        self._made += 1
        return self._made


@dataclass
class _Rolling:
    """The Deployment controller, for one of them."""

    cluster: FakeCluster
    name: str
    deployment: dict[str, Any]

    def step(self) -> None:
        """One step of its rolling update."""
        spec = self.deployment["spec"]
        status = self.deployment.setdefault("status", {})
        status["observedGeneration"] = self.deployment["metadata"]["generation"]
        template = json.dumps(spec["template"], sort_keys=True)
        pods = self.cluster.pods_of(self.name)
        new = [pod for _, pod in pods if pod["_template"] == template]
        old = [pod for _, pod in pods if pod["_template"] != template]
        size = spec["replicas"]
        if spec.get("paused"):
            for pod in [*old, *new][size:]:
                self.cluster.end_pod(pod)
            return
        limits = spec["strategy"].get("rollingUpdate")
        if limits is None:
            self._recreate(new, old, size, template)
        else:
            self._roll(new, old, size, template, limits)

    def _roll(
        self,
        new: list[dict[str, Any]],
        old: list[dict[str, Any]],
        size: int,
        template: str,
        limits: Mapping[str, int],
    ) -> None:
        for _ in range(min(size - len(new), size + limits["maxSurge"] - len(new) - len(old))):
            self._add(template)
        least = size - limits["maxUnavailable"]
        ready = [pod for pod in [*new, *old] if _is_ready(pod)]
        unready = [pod for pod in old if not _is_ready(pod)]
        surplus = max(len(ready) - least, 0)
        for pod in [*unready, *[pod for pod in old if _is_ready(pod)][:surplus]]:
            self.cluster.end_pod(pod)
        for pod in new[size:]:
            self.cluster.end_pod(pod)

    def _recreate(
        self, new: list[dict[str, Any]], old: list[dict[str, Any]], size: int, template: str
    ) -> None:
        for pod in [*old, *new[size:]]:
            self.cluster.end_pod(pod)
        there = [p for p in self.cluster.all(Kind.POD).values() if p.get("_of") == self.name]
        if not [p for p in there if p["_template"] != template]:
            for _ in range(size - len(new)):
                self._add(template)

    def _add(self, template: str) -> None:
        if self.cluster.has_room():
            labels = json.loads(template)["metadata"]["labels"]
            pod = self.cluster.add_pod(f"{self.name}-{self.cluster.number():05x}", labels)
            pod["spec"]["containers"] = json.loads(template)["spec"]["containers"]
            pod["_of"], pod["_template"] = self.name, template


def _is_ready(pod: Mapping[str, Any]) -> bool:
    return bool(pod["status"]["conditions"][0]["status"] == "True")


def _merge(into: dict[str, Any], fields: Mapping[str, Any]) -> None:
    for key, value in fields.items():
        if value is None:
            into.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(into.get(key), dict) and key != "labels":
            _merge(into[key], value)
        else:
            into[key] = copy.deepcopy(value)


def _operate(document: dict[str, Any], operation: Mapping[str, Any]) -> None:
    """One operation of a JSON Patch: test, add, replace."""
    *way, last = [part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]]
    here: Any = document
    for part in way:
        here = here[int(part)] if isinstance(here, list) else here[part]
    key: Any = int(last) if isinstance(here, list) else last
    if operation["op"] == "test":
        if (here[key] if isinstance(here, list) else here.get(key)) != operation["value"]:
            raise ConflictError(f"{operation['path']} is not {operation['value']!r}")
    else:
        here[key] = operation["value"]
