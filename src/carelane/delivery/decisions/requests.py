"""What somebody asks for: a release, for an environment."""

from dataclasses import dataclass

from carelane.delivery.deployments import Kind
from carelane.delivery.releases import Release
from carelane.delivery.strategies import Strategy


@dataclass(frozen=True)
class Request:
    """Who wants which release, and why."""

    id: int
    release: Release
    author: str
    reason: str
    kind: Kind = Kind.DEPLOY
    to_revision: int | None = None
    strategy: Strategy | None = None
    compared: str | None = None
    """The service that is only suspected: the version to go back to has to be shown to be better there."""
    by_token: bool = False
    """Whether a pipeline asks, by its token, and not a person."""
