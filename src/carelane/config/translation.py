"""From what the file says to the domain's own words."""

from dataclasses import replace
from pathlib import PurePosixPath

from carelane.config.model import (
    BackingService,
    Configuration,
    Environment,
    ProbeSettings,
    Secret,
    Web,
    Worker,
)
from carelane.delivery.policies import Pace, Policy, RollbackPolicy
from carelane.delivery.releases import Limits, Probe, RunConfiguration, SecretReference, ServiceKind

READINESS_PERIOD_SECONDS = 1.0
LIVENESS_PERIOD_SECONDS = 5.0


def policy(environment: Environment) -> Policy:
    """What *environment* asks of every deployment into it."""
    rollback = environment.rollback
    return Policy(
        replicas=dict(environment.replicas),
        pace=Pace(
            environment.strategy.rolling.max_unavailable,
            environment.strategy.rolling.max_surge,
            environment.strategy.rolling.min_ready_seconds,
        ),
        rollback=RollbackPolicy(
            automatic=rollback.automatic,
            progress_deadline_seconds=rollback.progress_deadline_seconds,
            revision_history=rollback.revision_history,
            keep_warm=rollback.keep_warm,
            keep_warm_seconds=rollback.keep_warm_seconds,
            crash_loop_restarts=rollback.crash_loop_restarts,
        ),
    )


def released(configuration: Configuration) -> dict[str, Web | Worker]:
    """The services that releases are made of, in declared order."""
    return {n: s for n, s in configuration.services.items() if not isinstance(s, BackingService)}


def backing(configuration: Configuration) -> list[str]:
    """The names of the backing services."""
    return [n for n, s in configuration.services.items() if isinstance(s, BackingService)]


def web(configuration: Configuration) -> list[str]:
    """The names of the services that take HTTP."""
    return [n for n, s in configuration.services.items() if isinstance(s, Web)]


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
        routes=tuple(service.routes),
    )


def secret_reference(secret: Secret) -> SecretReference:
    """The domain's form of a secret's place."""
    return SecretReference(secret.version, secret.file, secret.variable)


def _probe(settings: ProbeSettings | None, period_seconds: float) -> Probe | None:
    if settings is None:
        return None
    return Probe(
        settings.path, settings.period_seconds or period_seconds, settings.timeout_seconds, settings.failures
    )
