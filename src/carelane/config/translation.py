"""From what the file says to the domain's own words."""

from dataclasses import replace
from pathlib import PurePosixPath

from carelane.analysis.objectives import AnalysisPolicy, Measure, Objective
from carelane.config.model import (
    BackingService,
    Configuration,
    Environment,
    OwnSettings,
    ProbeSettings,
    RouteTo,
    Secret,
    ServiceSecret,
    Web,
    Worker,
)
from carelane.config.strategies import BlueGreenSettings, RollingSettings, StrategySettings
from carelane.delivery import strategies
from carelane.delivery.policies import Pace, Policy, RollbackPolicy
from carelane.delivery.releases import (
    Limits,
    Probe,
    RouteSettings,
    RunConfiguration,
    SecretReference,
    ServiceKind,
)
from carelane.delivery.retention import Retention
from carelane.delivery.strategies import StrategyKind

READINESS_PERIOD_SECONDS = 1.0
LIVENESS_PERIOD_SECONDS = 5.0


def policy(environment: Environment) -> Policy:
    """What *environment* asks of every deployment into it."""
    rollback = environment.rollback
    pace = environment.strategy.rolling or RollingSettings()
    configured = _strategies(environment.strategy)
    return Policy(
        replicas=replicas(environment),
        pace=Pace(pace.max_unavailable, pace.max_surge, pace.min_ready_seconds),
        rollback=RollbackPolicy(
            automatic=rollback.automatic,
            progress_deadline_seconds=rollback.progress_deadline_seconds,
            revision_history=rollback.revision_history,
            keep_warm=rollback.keep_warm,
            keep_warm_seconds=rollback.keep_warm_seconds,
            crash_loop_restarts=rollback.crash_loop_restarts,
        ),
        pause_expires_seconds=rollback.pause_expires_seconds,
        strategy=strategies.named(environment.strategy.used, configured),
        strategies=configured,
        by_service={
            service: strategies.named(kind, configured)
            for service, kind in environment.strategy.services.items()
        },
        analysis=_analysis(environment),
        dry_run=environment.analysis.dry_run,
    )


def retention(configuration: Configuration) -> Retention:
    """How much of the past is kept."""
    settings = configuration.retention
    return Retention(settings.releases, settings.days, settings.analyses_days)


def replicas(environment: Environment) -> dict[str, int]:
    """How many of each service *environment* wants, where it says so."""
    own = {n: s.replicas for n, s in environment.services.items() if s.replicas is not None}
    return {**environment.replicas, **own}


def preview_port(environment: Environment) -> int | None:
    """The address of the version on trial, where it has one of its own."""
    blue_green = environment.strategy.blue_green
    return None if blue_green is None else blue_green.preview_port


def _strategies(settings: StrategySettings) -> dict[StrategyKind, strategies.Strategy]:
    configured = {}
    if settings.canary is not None:
        steps = settings.canary.steps
        configured[StrategyKind.CANARY] = strategies.Strategy(
            StrategyKind.CANARY,
            strategies.DEFAULT_CANARY
            if steps is None
            else strategies.standing(tuple(step.step() for step in steps)),
            strategies.OnInconclusive(settings.canary.on_inconclusive),
        )
    if settings.blue_green is not None:
        configured[StrategyKind.BLUE_GREEN] = _blue_green(settings.blue_green)
    return configured


def _blue_green(settings: BlueGreenSettings) -> strategies.Strategy:
    checks = [asked.step() for asked in (settings.check, settings.analysis) if asked is not None]
    return strategies.Strategy(
        StrategyKind.BLUE_GREEN,
        strategies.blue_green_steps(*checks, hold=settings.hold),
        strategies.OnInconclusive(settings.on_inconclusive),
    )


def _analysis(environment: Environment) -> AnalysisPolicy:
    settings, limits = environment.analysis, environment.objectives
    common = {"bad_ratio": settings.bad_ratio, "floor": settings.floor}
    slow = [
        Objective(Measure.SLOW, float(ms), ceiling=limits.slow_ratio, **common) for ms in limits.thresholds_ms
    ]
    errors = Objective(Measure.ERRORS, ceiling=limits.error_ratio, **common)
    return AnalysisPolicy(settings.alpha, (errors, *slow), settings.warm_up_seconds, settings.later_alpha)


def released(configuration: Configuration) -> dict[str, Web | Worker]:
    """The services that releases are made of, in declared order."""
    return {n: s for n, s in configuration.services.items() if not isinstance(s, BackingService)}


def backing(configuration: Configuration) -> list[str]:
    """The names of the backing services."""
    return [n for n, s in configuration.services.items() if isinstance(s, BackingService)]


def web(configuration: Configuration) -> list[str]:
    """The names of the services that take HTTP."""
    return [n for n, s in configuration.services.items() if isinstance(s, Web)]


def runs_by_environment(configuration: Configuration, name: str) -> dict[str, RunConfiguration]:
    """How service *name* runs in the environments that have settings of their own for it."""
    service = released(configuration)[name]
    return {
        environment: run_configuration(resolved(service, settings.services[name]))
        for environment, settings in configuration.environments.items()
        if name in settings.services
    }


def resolved(service: Web | Worker, own: OwnSettings) -> Web | Worker:
    """*service* with what an environment has otherwise.

    A variable is a text or a secret: what is one of them in the environment is not the other there.
    """
    environment = {n: text for n, text in service.environment.items() if n not in own.secrets}
    secrets = {n: secret for n, secret in service.secrets.items() if n not in own.environment}
    limits = own.limits.model_dump(exclude_none=True)
    return service.model_copy(
        update={
            "environment": {**environment, **own.environment},
            "secrets": {**secrets, **own.secrets},
            "limits": service.limits.model_copy(update=limits),
        }
    )


def run_configuration(service: Web | Worker) -> RunConfiguration:
    """How *service* runs."""
    run = RunConfiguration(
        kind=ServiceKind(service.kind),
        command=tuple(service.run),
        workdir=str(PurePosixPath(service.workdir)),
        environment=dict(service.environment),
        secrets={name: secret_reference(secret) for name, secret in service.secrets.items()},
        drain_seconds=service.drain_seconds,
        limits=Limits(service.limits.memory_bytes, service.limits.open_files),
        migrate=tuple(service.migrate) if service.migrate else None,
    )
    if isinstance(service, Worker):
        return run
    return replace(
        run,
        readiness=_probe(service.probes.readiness, READINESS_PERIOD_SECONDS),
        liveness=_probe(service.probes.liveness, LIVENESS_PERIOD_SECONDS),
        health_path=service.health,
        version_path=service.version,
        metrics_path=service.metrics,
        routes=tuple(route.path for route in service.routes),
        route_settings={route.path: made for route in service.routes if (made := _route_settings(route))},
    )


def _route_settings(route: RouteTo) -> RouteSettings | None:
    """What *route* says; None where it is what a route without a word has."""
    usual, idle = RouteSettings(), route.idle_timeout_seconds
    made = RouteSettings(
        route.timeout_seconds,
        idle or usual.idle_seconds,
        idle or usual.upgraded_idle_seconds,
        tuple(sorted(set(route.upgrades))),
    )
    return made if made != usual else None


def secret_reference(secret: Secret) -> SecretReference:
    """The domain's form of a secret's place."""
    key = secret.key if isinstance(secret, ServiceSecret) else None
    return SecretReference(secret.version, secret.file, secret.variable, key)


def _probe(settings: ProbeSettings | None, period_seconds: float) -> Probe | None:
    if settings is None:
        return None
    return Probe(
        settings.path, settings.period_seconds or period_seconds, settings.timeout_seconds, settings.failures
    )
