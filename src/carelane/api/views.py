"""What the API shows, where that is not a domain object as it stands."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.verdicts import Evidence
from carelane.base.errors import PlatformError
from carelane.bootstrap import secrets
from carelane.bootstrap.app import App
from carelane.bootstrap.environments import Environment
from carelane.delivery.decisions import weakening
from carelane.delivery.deployments import Deployment
from carelane.delivery.differences import Difference, difference
from carelane.delivery.environments import EnvironmentState, ServiceState
from carelane.delivery.observations import CopySeen, TrafficSeen
from carelane.delivery.policies import Policy
from carelane.delivery.releases import Release, ServiceKind, ServiceVersion
from carelane.delivery.requesting import Outcome
from carelane.delivery.targets import size_of

HEALTH_SECONDS = 0.2
SERVES = "serve"
_asking = ThreadPoolExecutor(8, thread_name_prefix="health")


@dataclass(frozen=True)
class InstanceView:
    """One instance, as recorded and as seen; what was not seen is null."""

    id: str
    label: str
    intent: str
    since: datetime
    phase: str | None
    ready: bool
    restarts: int | None
    place: str | None
    active_requests: int | None


@dataclass(frozen=True)
class ServiceView:
    """One service in one environment; *evidence* is of a canary that is being judged, *judged* says it."""

    name: str
    kind: str
    stable: str | None
    canary: str | None
    canary_percent: int | None
    evidence: Evidence | None
    judged: str | None
    warm: list[str]
    wanted: int
    ready: int
    instances: list[InstanceView]
    requests_per_second: float | None
    error_ratio: float | None
    p95_ms: float | None


@dataclass(frozen=True)
class EnvironmentView:
    """One environment at one look. *health* is null where there is nothing to ask or no answer came.

    *ended* says that it was taken down alone: nobody looks after it until a server starts anew. *seen* is
    false while its platform does not say what is there: instances are as they were last seen, if ever.
    """

    name: str
    address: str
    release: str | None
    revision: int
    health: str | None
    health_detail: str
    deployment: Deployment | None
    services: list[ServiceView]
    ended: bool = False
    seen: bool = True


@dataclass(frozen=True)
class PlanView:
    """What a deployment would be, what its canaries would be judged by, and by how much traffic.

    *leaving* are the services that the release does not have any more, with the versions that end. *remarks*
    are what else a person should know.
    """

    message: str
    deployment: Deployment | None
    replicas: Mapping[str, int]
    analysis: AnalysisPolicy
    traffic: Mapping[str, TrafficSeen]
    differences: Mapping[str, Difference]
    irreversible: bool
    leaving: Mapping[str, str]
    remarks: list[str]


def plan(app: App, name: str, outcome: Outcome) -> PlanView:
    """The plan in *outcome* beside the traffic there is."""
    environment, deployment = app.environments[name], outcome.deployment
    rollouts = deployment.rollouts if deployment is not None else {}
    policy = environment.engine.policy
    release = None if deployment is None else app.repository.release_named(deployment.release).within(name)
    versions = {} if release is None else release.versions
    state = _state(app, name)
    return PlanView(
        message=outcome.message,
        deployment=deployment,
        replicas={service: policy.replicas_of(service) for service in rollouts},
        analysis=policy.analysis,
        traffic={n: environment.rates.lately(n, r.from_label or "") for n, r in rollouts.items()},
        differences={
            n: difference(state.service(n).versions.get(r.from_label or ""), versions[n])
            for n, r in rollouts.items()
        },
        irreversible=release is not None and release.irreversible,
        leaving={}
        if release is None
        else {n: v.label for n, v in state.running.items() if n not in release.versions},
        remarks=[
            *_unjudged(policy, state, release),
            *_missing(app, versions),
            *app.reloading.remarks(),
        ],
    )


def _unjudged(policy: Policy, state: EnvironmentState, release: Release | None) -> list[str]:
    lost = [] if release is None else weakening.unjudged(policy, state, release)
    return [f"it goes without {each}" for each in lost]


def _missing(app: App, versions: Mapping[str, ServiceVersion]) -> list[str]:
    """What the *versions* need and is not there: what is deployed would be refused, or not start."""
    found = []
    for artifact in {version.artifact for version in versions.values()}:
        try:
            app.archives.verify(artifact, quick=True)
        except PlatformError as error:
            found.append(f"it would be refused: {error.message}; {error.hint}")
    for version in versions.values():
        for name, reference in version.run.secrets.items():
            why = secrets.missing(app.places, reference)
            if why:
                found.append(f"{version.service} would not start: its secret {name} is not there ({why})")
    return found


def environments(app: App, names: list[str]) -> list[EnvironmentView]:
    """The environments *names*, their health asked side by side."""
    asked = {name: _asking.submit(_health, app.environments[name], _state(app, name)) for name in names}
    return [_environment(app, name, asked[name].result()) for name in names]


def _state(app: App, name: str) -> EnvironmentState:
    return app.repository.snapshot(name).state


def _environment(app: App, name: str, health: tuple[str | None, str]) -> EnvironmentView:
    environment = app.environments[name]
    snapshot = app.repository.snapshot(name)
    services = [_service(environment, service, snapshot.state) for service in snapshot.state.services]
    return EnvironmentView(
        name=name,
        address=environment.address,
        release=snapshot.state.release,
        revision=snapshot.state.revision,
        health=health[0],
        health_detail=health[1],
        deployment=snapshot.deployment,
        services=services,
        ended=environment.engine.ended,
        seen=environment.engine.shown.visible,
    )


def _service(environment: Environment, name: str, recorded: EnvironmentState) -> ServiceView:
    seen, state = environment.engine.shown, recorded.service(name)
    versions = state.versions.values()
    kind = next((version.run.kind for version in versions), ServiceKind.WEB)
    instances = [instance(copy) for copy in seen.of(name)]
    rates = environment.rates.rates(name)
    evidence = seen.evidence.get((recorded.deployment or 0, name))
    return ServiceView(
        name=name,
        kind=kind.value,
        stable=state.stable,
        canary=state.canary,
        canary_percent=state.canary_percent,
        evidence=evidence,
        judged=evidence.words if evidence is not None else None,
        warm=[warm.label for warm in state.previous],
        wanted=size_of(name, state, environment.engine.policy, seen) if state.serving else 0,
        ready=ready(instances, state),
        instances=instances,
        requests_per_second=rates.requests_per_second if rates else None,
        error_ratio=rates.error_ratio if rates else None,
        p95_ms=rates.p95_ms if rates else None,
    )


def ready(instances: list[InstanceView], state: ServiceState) -> int:
    """How many are ready of the versions that are named beside it: what else still serves is none of them."""
    named = {state.stable, state.canary}
    return sum(i.ready for i in instances if i.intent == SERVES and i.label in named)


def instance(copy: CopySeen) -> InstanceView:
    """How one copy is shown."""
    return InstanceView(
        id=copy.id,
        label=copy.label,
        intent=_intent(copy),
        since=copy.since,
        phase=copy.phase.value if copy.phase is not None else None,
        ready=copy.ready,
        restarts=copy.restarts,
        place=copy.place or None,
        active_requests=copy.active_requests,
    )


def _intent(copy: CopySeen) -> str:
    """What it is meant to do: serve, stay warm, finish what it has, or end."""
    if copy.leaving:
        return "stop"
    if copy.purpose is None:
        return "drain"
    return SERVES if copy.serves else copy.purpose.value


def _health(environment: Environment, state: EnvironmentState) -> tuple[str | None, str]:
    """``ok``, ``failing`` or None (unknown), and why."""
    rejected = environment.engine.seen.routing.rejected
    if rejected:
        return "failing", rejected
    paths = [
        version.run.health_path
        for service in state.services.values()
        for label, version in service.versions.items()
        if label == service.stable and version.run.health_path and version.run.routes
    ]
    if not paths:
        return None, "no service names a health path"
    for path in paths:
        try:
            status, _ = environment.engine.platform.router.ask(path, HEALTH_SECONDS)
        except PlatformError as error:
            return None, error.message
        if status != 200:
            return "failing", f"{path} answered {status}"
    return "ok", ", ".join(paths)
