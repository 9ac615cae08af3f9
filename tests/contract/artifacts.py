"""What every Artifacts must do."""

import pytest

from carelane.base.errors import PlatformError
from carelane.delivery.ports import Artifacts
from carelane.delivery.releases import Artifact


class ArtifactsContract:
    """Subclasses give *artifacts*, *kept* (an artifact that is there) and *lost* (one that is not)."""

    @pytest.fixture
    def artifacts(self) -> Artifacts:
        raise NotImplementedError

    @pytest.fixture
    def kept(self, artifacts: Artifacts) -> Artifact:
        raise NotImplementedError

    @pytest.fixture
    def lost(self, artifacts: Artifacts) -> Artifact:
        raise NotImplementedError

    def test_what_is_kept_is_verified(self, artifacts: Artifacts, kept: Artifact) -> None:
        artifacts.verify(kept)

    def test_what_is_lost_is_said_to_be_missing(self, artifacts: Artifacts, lost: Artifact) -> None:
        with pytest.raises(PlatformError, match=f"{lost.archive[:12]} is missing"):
            artifacts.verify(lost)
