"""The objects that Carelane makes for a service, as raw JSON; names and labels as people type them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from carelane.base.errors import InputError
from carelane.delivery.placeholders import Placeholders
from carelane.delivery.policies import Pace
from carelane.delivery.ports import Task
from carelane.delivery.releases import Probe, SecretReference, ServiceKind, ServiceVersion
from carelane.platforms.kubernetes.metadata import labels_of, marks
from carelane.platforms.kubernetes.ports import Kind, Object
from carelane.platforms.kubernetes.slots import Slot

SERVICE = "carelane.dev/service"
"""The label that all Pods of a service have, whatever their slot."""
SLOT = "carelane.dev/slot"
VERSION = "app.kubernetes.io/version"
"""The label that says which version a Pod is of: its identity."""
TASK = "carelane.dev/task"
OWNER = "carelane.dev/environment"
"""The annotation that says whose an object is: SYSTEM/ENVIRONMENT; what an earlier version made has none."""
RESTARTED = "kubectl.kubernetes.io/restartedAt"
"""The annotation by which `kubectl rollout restart` makes a template another one."""
CAUSE = "kubernetes.io/change-cause"
"""The annotation that `kubectl rollout history` shows beside each revision."""
STEERED = "x-carelane-slot"
"""The header that steers a request to one slot, past the weights."""
PORT = 8080
INSTANCE = "CARELANE_INSTANCE"
"""The variable that has a Pod's own name."""


@dataclass(frozen=True)
class Place:
    """Where an environment's objects are, and where its users come in.

    *gateway* is ``NAMESPACE/NAME``; *address* the URL at which it answers; *hostname* what requests say
    that are meant for this environment, "" where all are. *prefix* begins the names of Deployments.
    *owner* is ``SYSTEM/ENVIRONMENT``, which every object says.
    """

    namespace: str
    gateway: str = ""
    address: str = ""
    hostname: str = ""
    prefix: str = ""
    environment: Mapping[str, str] = field(default_factory=dict)
    owner: str = ""

    def name(self, service: str, slot: Slot = Slot.STABLE) -> str:
        """What the Deployment of *service* in *slot*, its Service and its Pods' ``app`` are called."""
        return f"{self.prefix}{service}" + ("" if slot is Slot.STABLE else f"-{slot}")


def is_ours(owner: str, found: Object) -> bool:
    """Whether *owner* made it: it has our label, and says nobody else."""
    return SERVICE in labels_of(found) and marks(found).get(OWNER) in {None, "", owner}


def _head(place: Place, kind: Kind, name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    return {
        "apiVersion": kind.api_version,
        "kind": kind.value[2],
        "metadata": {"name": name, "labels": dict(labels), "annotations": {OWNER: place.owner}},
    }


def deployment(
    place: Place,
    version: ServiceVersion,
    slot: Slot,
    *,
    trial: bool = False,
    pace: Pace | None = None,
    size: int = 1,
    restarted_at: datetime | None = None,
) -> dict[str, Any]:
    """The fields of the Deployment in *slot* that are ours; its size is not among them."""
    name = place.name(version.service, slot)
    labels = {
        "app": name,
        SERVICE: version.service,
        SLOT: str(slot),
        VERSION: version.label,
        "version": "canary" if trial and slot is Slot.CANARY else version.label,
    }
    template: dict[str, Any] = {"metadata": {"labels": labels}, "spec": _pod(place, version)}
    if restarted_at is not None:
        template["metadata"]["annotations"] = {RESTARTED: restarted_at.isoformat()}
    head = _head(place, Kind.DEPLOYMENT, name, {SERVICE: version.service, SLOT: str(slot)})
    head["metadata"]["annotations"][CAUSE] = f"{version.label}, commit {version.commit[:12]}, by Carelane"
    return {
        **head,
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "strategy": _strategy(version, pace, size, renewed=restarted_at is not None),
            "minReadySeconds": round(pace.min_ready_seconds) if pace is not None else 0,
            "progressDeadlineSeconds": 600,
            "revisionHistoryLimit": 10,
            "template": template,
        },
    }


def _strategy(version: ServiceVersion, pace: Pace | None, size: int, *, renewed: bool) -> dict[str, Any]:
    """How the Deployment's own controller replaces Pods; without a pace all at once, and none before."""
    if version.run.kind is not ServiceKind.WEB:
        return {"type": "Recreate", "rollingUpdate": None}
    unavailable, surge = pace.resolved(size) if pace is not None else (0, 1 if renewed else max(size, 1))
    limits = {"maxUnavailable": min(unavailable, max(size - 1, 0)), "maxSurge": surge}
    if not any(limits.values()):
        limits["maxSurge"] = 1
    return {"type": "RollingUpdate", "rollingUpdate": limits}


def _pod(place: Place, version: ServiceVersion, command: tuple[str, ...] | None = None) -> dict[str, Any]:
    run = version.run
    if version.artifact.image is None:
        raise InputError(
            f"{version.service} {version.label} has no image: it cannot run on Kubernetes",
            hint="the release was made without one",
        )
    known = {
        "port": str(PORT),
        "version": version.label,
        "commit": version.commit,
        "instance": f"$({INSTANCE})",
        **place.environment,
    }
    container: dict[str, Any] = {
        "name": version.service,
        "image": version.artifact.image,
        "command": [_filled(word, known, version) for word in command or run.command],
        "env": [
            {"name": INSTANCE, "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
            *(
                {"name": name, "value": _filled(value, known, version)}
                for name, value in sorted(run.environment.items())
            ),
            *(_secret(name, reference, version) for name, reference in sorted(run.secrets.items())),
        ],
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "resources": _resources(version),
        "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 - in the container
    }
    if command is None and run.kind is ServiceKind.WEB:
        container["ports"] = [{"name": "http", "containerPort": PORT}]
        container["lifecycle"] = {"preStop": {"sleep": {"seconds": 2}}}
        for name, probe in (("readinessProbe", run.readiness), ("livenessProbe", run.liveness)):
            if probe is not None:
                container[name] = _probe(probe)
    return {
        "automountServiceAccountToken": False,
        "terminationGracePeriodSeconds": round(run.drain_seconds) + 5,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "tmp", "emptyDir": {"medium": "Memory", "sizeLimit": "16Mi"}}],
    }


def _secret(name: str, reference: SecretReference, version: ServiceVersion) -> dict[str, Any]:
    """A variable with a secret, as of the start of its Pod."""
    if reference.key is None:
        raise InputError(
            f"{version.service} {version.label} takes {name} from where only this server can read",
            hint="on Kubernetes it is a key of a Secret: secrets.NAME.key in the environment's own settings",
        )
    secret, _, key = reference.key.partition("/")
    return {"name": name, "valueFrom": {"secretKeyRef": {"name": secret, "key": key}}}


def _filled(text: str, known: Mapping[str, str], version: ServiceVersion) -> str:
    """*text* with what its placeholders stand for."""
    try:
        return Placeholders(text).substitute(known)
    except (KeyError, ValueError) as error:
        raise InputError(
            f"{version.service} {version.label}: cannot fill in {text!r}: {error}",
            hint=f"on Kubernetes there are: {', '.join(sorted(known))}",
        ) from None


def _probe(probe: Probe) -> dict[str, Any]:
    return {
        "httpGet": {"path": probe.path, "port": "http"},
        "periodSeconds": max(1, round(probe.period_seconds)),
        "timeoutSeconds": max(1, round(probe.timeout_seconds)),
        "failureThreshold": probe.failures,
    }


def _resources(version: ServiceVersion) -> dict[str, Any]:
    memory = version.run.limits.memory_bytes
    asked = {"cpu": "50m", "memory": "48Mi"}
    return {"requests": asked} if memory is None else {"requests": asked, "limits": {"memory": str(memory)}}


def service(place: Place, name: str, slot: Slot) -> dict[str, Any]:
    """The Service of one slot."""
    called = place.name(name, slot)
    return {
        **_head(place, Kind.SERVICE, called, {SERVICE: name, SLOT: str(slot)}),
        "spec": {
            "selector": {"app": called},
            "ports": [{"name": "http", "port": 80, "targetPort": "http"}],
        },
    }


def duration(seconds: float | None) -> str:
    """As Gateway API writes it; without any there is no limit, which is 0 there."""
    milliseconds, said = round((seconds or 0.0) * 1000), ""
    for unit, size in (("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, milliseconds = divmod(milliseconds, size)
        said += f"{count}{unit}" if count else ""
    return said or "0s"


@dataclass(frozen=True)
class Way:
    """Which paths lead to a service, and how long an answer may take; None: as long as something comes."""

    paths: tuple[str, ...]
    timeout_seconds: float | None = None


def route(place: Place, name: str, way: Way, weights: Mapping[Slot, int]) -> dict[str, Any]:
    """The HTTPRoute of a service: a rule a slot, which keeps its cluster alive, then the users' rule.

    Rules never change places, and of a weight no more than the number does: what changes an index, or
    makes a cluster come or go, loses requests (docs/decisions/0007-three-slots-a-service.md).
    """
    hand = [
        {
            "matches": [{"headers": [{"name": STEERED, "value": f"{name}-{slot}"}]}],
            "backendRefs": [backend(place, name, slot, 1)],
            "timeouts": {"request": duration(way.timeout_seconds)},
        }
        for slot in Slot
    ]
    users = {
        "matches": [{"path": {"type": "PathPrefix", "value": path}} for path in way.paths],
        "backendRefs": [backend(place, name, slot, weights.get(slot, 0)) for slot in Slot],
        "timeouts": {"request": duration(way.timeout_seconds)},
    }
    namespace, _, gateway = place.gateway.partition("/")
    return {
        **_head(place, Kind.ROUTE, place.name(name), {SERVICE: name}),
        "spec": {
            "parentRefs": [{"name": gateway, "namespace": namespace}],
            **({"hostnames": [place.hostname]} if place.hostname else {}),
            "rules": [*hand, *([users] if way.paths else [])],
        },
    }


def backend(place: Place, name: str, slot: Slot, weight: int) -> dict[str, Any]:
    """A slot's Service as a route names it."""
    return {"name": place.name(name, slot), "port": 80, "weight": weight}


def job(place: Place, task: Task) -> dict[str, Any]:
    """A task as a Job: it is tried once, and stays until it is put aside."""
    labels = {SERVICE: task.version.service, TASK: task.name, VERSION: task.version.label}
    pod = {**_pod(place, task.version, task.command), "restartPolicy": "Never"}
    return {
        **_head(place, Kind.JOB, task.name, labels),
        "spec": {"backoffLimit": 0, "template": {"metadata": {"labels": labels}, "spec": pod}},
    }
