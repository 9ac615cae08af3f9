"""What the API shows, where that is not a domain object as it stands."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from carelane.analysis.objectives import AnalysisPolicy
from carelane.analysis.verdicts import Evidence
from carelane.base.errors import PlatformError
from carelane.bootstrap.app import App
from carelane.bootstrap.environments import Environment
from carelane.delivery.deployments import Deployment
from carelane.delivery.environments import EnvironmentState, Instance, Intent, ServiceState
from carelane.delivery.observations import Observation, TrafficSeen
from carelane.delivery.releases import ServiceKind
from carelane.delivery.requesting import Outcome

HEALTH_SECONDS = 0.2
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
    """One environment at one look. *health* is null where there is nothing to ask or no answer came."""

    name: str
    address: str
    release: str | None
    revision: int
    health: str | None
    health_detail: str
    deployment: Deployment | None
    services: list[ServiceView]


@dataclass(frozen=True)
class PlanView:
    """What a deployment would be, what its canaries would be judged by, and by how much traffic."""

    message: str
    deployment: Deployment | None
    replicas: Mapping[str, int]
    analysis: AnalysisPolicy
    traffic: Mapping[str, TrafficSeen]


def plan(app: App, name: str, outcome: Outcome) -> PlanView:
    """The plan in *outcome* beside the traffic there is."""
    environment, deployment = app.environments[name], outcome.deployment
    rollouts = deployment.rollouts if deployment is not None else {}
    policy = environment.engine.policy
    return PlanView(
        message=outcome.message,
        deployment=deployment,
        replicas={service: policy.replicas_of(service) for service in rollouts},
        analysis=policy.analysis,
        traffic={n: environment.rates.lately(n, r.from_label or "") for n, r in rollouts.items()},
    )


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
    )


def _service(environment: Environment, name: str, recorded: EnvironmentState) -> ServiceView:
    seen, state = environment.engine.seen, recorded.service(name)
    versions = state.versions.values()
    kind = next((version.run.kind for version in versions), ServiceKind.WEB)
    instances = [_instance(seen, kind, instance) for instance in state.instances]
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
        wanted=environment.engine.policy.replicas_of(name),
        ready=ready(instances, state),
        instances=instances,
        requests_per_second=rates.requests_per_second if rates else None,
        error_ratio=rates.error_ratio if rates else None,
        p95_ms=rates.p95_ms if rates else None,
    )


def ready(instances: list[InstanceView], state: ServiceState) -> int:
    """How many are ready of the versions that are named beside it: what else still serves is none of them."""
    named = {state.stable, state.canary}
    return sum(i.ready for i in instances if i.intent == Intent.SERVE and i.label in named)


def _instance(seen: Observation, kind: ServiceKind, instance: Instance) -> InstanceView:
    process = seen.instances.get(instance.id)
    endpoint = (seen.endpoints or {}).get(instance.id)
    fit = seen.healthy(instance.id) if kind is ServiceKind.WEB else seen.running(instance.id)
    return InstanceView(
        id=instance.id,
        label=instance.label,
        intent=instance.intent.value,
        since=instance.since,
        phase=process.phase.value if process else None,
        ready=fit,
        restarts=process.restarts if process else None,
        place=process.place or None if process else None,
        active_requests=endpoint.active_requests if endpoint else None,
    )


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
