"""How an environment ships: replicas, pace, and when to turn back."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from carelane.analysis.objectives import AnalysisPolicy
from carelane.base.errors import InputError
from carelane.delivery import strategies
from carelane.delivery.strategies import ROLLING, Strategy, StrategyKind


@dataclass(frozen=True)
class Pace:
    """How far a rolling replacement may stray from its replicas: ``1``, ``2`` or ``"25%"``.

    Percentages are of the replicas; surge is rounded up and unavailable down, as Kubernetes does.
    A new instance counts once it was ready for *min_ready_seconds* without a break.
    """

    max_unavailable: int | str = 1
    max_surge: int | str = 1
    min_ready_seconds: float = 0.0

    def resolved(self, replicas: int) -> tuple[int, int]:
        """Instances that may be missing and that may be added, for *replicas* >= 1.

        Both zero would never move: one extra is allowed then.
        """
        unavailable = math.floor(_share(self.max_unavailable, replicas))
        surge = math.ceil(_share(self.max_surge, replicas))
        return (unavailable, surge) if unavailable or surge else (0, 1)

    def promised(self, replicas: int) -> int:
        """How many of *replicas* are always to be ready, one at least."""
        unavailable, _ = self.resolved(replicas)
        return max(replicas - unavailable, 1)


def _share(value: int | str, replicas: int) -> float:
    if isinstance(value, int):
        return value
    number = value.removesuffix("%")
    if not value.endswith("%") or not number.isdigit():
        raise InputError(f"{value!r} is neither a number nor a percentage", hint='write 1 or "25%"')
    return replicas * int(number) / 100


@dataclass(frozen=True)
class RollbackPolicy:
    """When a rollout is undone by itself, and how much is kept for undoing it later."""

    automatic: bool = True
    progress_deadline_seconds: float = 600.0
    revision_history: int = 10
    keep_warm: int = 1
    keep_warm_seconds: float = 3600.0
    crash_loop_restarts: int = 3


@dataclass(frozen=True)
class Policy:
    """What an environment asks of every deployment into it; never part of a release."""

    replicas: Mapping[str, int] = field(default_factory=dict)
    pace: Pace = Pace()
    rollback: RollbackPolicy = RollbackPolicy()
    pause_expires_seconds: float = 86_400.0
    strategy: Strategy = ROLLING
    strategies: Mapping[StrategyKind, Strategy] = field(default_factory=dict)
    by_service: Mapping[str, Strategy] = field(default_factory=dict)
    """The services that go another way: who has no users, for instance, has nobody to judge a canary by."""
    analysis: AnalysisPolicy = field(default_factory=AnalysisPolicy)
    dry_run: bool = False
    """Canaries are judged and nothing follows from it: to see what the judge would have done."""

    def strategy_of(self, service: str) -> Strategy:
        """The way of *service* where a deployment names none."""
        return self.by_service.get(service, self.strategy)

    def given_up(self, chosen: Strategy) -> list[str]:
        """What a deployment by *chosen* would leave out that this environment asks of one, in words."""
        asked = (self.strategy, *self.by_service.values())
        return sorted({lost for usual in asked for lost in strategies.given_up(usual, chosen)})

    def replicas_of(self, service: str) -> int:
        """Instances wanted of *service*; 1 where nothing is said."""
        return self.replicas.get(service, 1)
