"""What carelane.yaml comes to in one environment, defaults and all: for people and programs to read."""

from typing import Any

from carelane.base.errors import NotFoundError
from carelane.config import translation
from carelane.config.model import Configuration, Environment, OwnSettings, Web, Worker
from carelane.delivery.strategies import StrategyKind


def shown(configuration: Configuration, environment: str) -> dict[str, Any]:
    """The services as they run in *environment*, and what it asks of deployments; JSON's own types.

    A secret is shown as where it is found. What is not set is left out.

    Raises:
        NotFoundError: If there is no such environment.
    """
    settings = configuration.environments.get(environment)
    if settings is None:
        known = ", ".join(configuration.environments)
        raise NotFoundError(f"no environment {environment!r}", hint=f"there are: {known}")
    services = {
        name: translation.resolved(service, settings.services.get(name, OwnSettings()))
        for name, service in translation.released(configuration).items()
    }
    wanted = translation.replicas(settings)
    policy = _with_defaults(settings)
    return {
        "system": configuration.system,
        "environment": environment,
        "services": {name: _service(service) for name, service in services.items()},
        "replicas": {name: wanted.get(name, 1) for name in services},
        **policy,
    }


def _service(service: Web | Worker) -> dict[str, Any]:
    said: dict[str, Any] = service.model_dump(mode="json", exclude_none=True)
    run = translation.run_configuration(service)
    for name, probe in (("readiness", run.readiness), ("liveness", run.liveness)):
        if probe is not None:
            said["probes"][name]["period_seconds"] = probe.period_seconds
    return said


def _with_defaults(settings: Environment) -> dict[str, Any]:
    """The policy; what depends on other settings as it comes out."""
    others = {"services", "replicas"}
    said: dict[str, Any] = settings.model_dump(mode="json", exclude_none=True, exclude=others)
    policy = translation.policy(settings)
    said["analysis"]["later_alpha"] = policy.analysis.passing_alpha(1)
    canary = policy.strategies.get(StrategyKind.CANARY)
    if canary is not None and not said["strategy"]["canary"].get("steps"):
        said["strategy"]["canary"]["steps"] = [str(step) for step in canary.steps]
    return said
