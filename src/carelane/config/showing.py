"""What carelane.yaml comes to in one environment, defaults and all: for people and programs to read."""

from typing import Any

from carelane.base.errors import NotFoundError
from carelane.config import translation
from carelane.config.model import Configuration, OwnSettings


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
    policy = settings.model_dump(mode="json", exclude_none=True, exclude={"services", "replicas"})
    return {
        "system": configuration.system,
        "environment": environment,
        "services": {n: s.model_dump(mode="json", exclude_none=True) for n, s in services.items()},
        "replicas": {name: wanted.get(name, 1) for name in services},
        **policy,
    }
