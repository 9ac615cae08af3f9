"""Artifacts of which some are lost."""

from dataclasses import dataclass, field

from carelane.base.errors import PlatformError
from carelane.delivery.releases import Artifact


@dataclass
class FakeArtifacts:
    """The Artifacts port in memory: what is not known to be lost is there."""

    lost: set[str] = field(default_factory=set)

    def verify(self, artifact: Artifact, *, quick: bool = False) -> None:
        """Check that it is there."""
        if artifact.archive in self.lost or artifact.dependencies in self.lost:
            raise PlatformError(f"the archive {artifact.archive[:12]} is missing")
