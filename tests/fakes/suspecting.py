"""Suspicions that a test lays down."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from carelane.analysis.objectives import AnalysisPolicy
from carelane.delivery.environments import EnvironmentState


@dataclass
class FakeSuspecting:
    """The Suspecting port in memory."""

    suspicions: dict[str, str]

    def look(self, state: EnvironmentState, policy: AnalysisPolicy, now: datetime) -> Mapping[str, str]:
        """What a test laid down, of what is watched while nothing moves."""
        del policy, now
        watched = {name for name, service in state.services.items() if service.watch is not None}
        moving = state.deployment is not None
        return {} if moving else {name: words for name, words in self.suspicions.items() if name in watched}
