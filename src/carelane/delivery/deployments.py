"""A request to put a release into an environment, the rollouts it owns, and what may follow what."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from carelane.base.errors import ConflictError
from carelane.delivery import names
from carelane.delivery.strategies import ROLLING, CanaryStep, Strategy, StrategyKind


class Kind(StrEnum):
    """Why a deployment was made."""

    DEPLOY = "deploy"
    ROLLBACK = "rollback"
    EMERGENCY = "emergency"


class Phase(StrEnum):
    """Where a deployment stands."""

    WAITING = "Waiting"
    PROGRESSING = "Progressing"
    PAUSED = "Paused"
    SUCCEEDED = "Succeeded"
    ABORTING = "Aborting"
    FAILED = "Failed"
    SUPERSEDED = "Superseded"
    CANCELLED = "Cancelled"


class RolloutPhase(StrEnum):
    """Where one service's rollout stands.

    PROMOTING has all the traffic already, SETTLING comes to the lasting place: where a platform needs no
    time for that, it is passed in the moment in which it begins.
    """

    PENDING = "Pending"
    PROGRESSING = "Progressing"
    PAUSED = "Paused"
    PROMOTING = "Promoting"
    SETTLING = "Settling"
    HEALTHY = "Healthy"
    ABORTING = "Aborting"
    DEGRADED = "Degraded"


ENDED = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.SUPERSEDED, Phase.CANCELLED})
TRANSITIONS: Mapping[Phase, frozenset[Phase]] = {
    Phase.WAITING: frozenset({Phase.PROGRESSING, Phase.CANCELLED, Phase.SUPERSEDED}),
    Phase.PROGRESSING: frozenset({Phase.PAUSED, Phase.SUCCEEDED, Phase.ABORTING, Phase.SUPERSEDED}),
    Phase.PAUSED: frozenset({Phase.PROGRESSING, Phase.ABORTING, Phase.SUPERSEDED}),
    Phase.ABORTING: frozenset({Phase.FAILED, Phase.CANCELLED, Phase.SUPERSEDED}),
    Phase.SUCCEEDED: frozenset(),
    Phase.FAILED: frozenset(),
    Phase.SUPERSEDED: frozenset(),
    Phase.CANCELLED: frozenset(),
}

ROLLOUT_TRANSITIONS: Mapping[RolloutPhase, frozenset[RolloutPhase]] = {
    RolloutPhase.PENDING: frozenset({RolloutPhase.PROGRESSING, RolloutPhase.DEGRADED}),
    RolloutPhase.PROGRESSING: frozenset(
        {RolloutPhase.PAUSED, RolloutPhase.PROMOTING, RolloutPhase.ABORTING, RolloutPhase.DEGRADED}
    ),
    RolloutPhase.PAUSED: frozenset({RolloutPhase.PROGRESSING, RolloutPhase.ABORTING, RolloutPhase.DEGRADED}),
    RolloutPhase.PROMOTING: frozenset(
        {RolloutPhase.SETTLING, RolloutPhase.HEALTHY, RolloutPhase.ABORTING, RolloutPhase.DEGRADED}
    ),
    RolloutPhase.SETTLING: frozenset({RolloutPhase.HEALTHY, RolloutPhase.ABORTING, RolloutPhase.DEGRADED}),
    RolloutPhase.ABORTING: frozenset({RolloutPhase.DEGRADED}),
    RolloutPhase.HEALTHY: frozenset(),
    RolloutPhase.DEGRADED: frozenset(),
}


class FailureKind(StrEnum):
    """What kind of failure a rollout met: rules go by this, its words are for people alone."""

    START = "start"
    CRASH_LOOP = "crash loop"
    LIVENESS = "liveness"
    READINESS = "readiness"
    WORSE = "analysis"
    UNDECIDED = "undecided"
    CHECK = "check"
    VERIFY = "verify"
    DEADLINE = "deadline"
    ROUTING = "routing"
    BACKING = "backing"
    MIGRATION = "migration"
    SUSPECTED = "suspected"
    UNCONFIRMED = "unconfirmed"


@dataclass(frozen=True)
class Failure:
    """What went wrong with a rollout, and in words that a person can act on."""

    kind: FailureKind
    words: str

    def __str__(self) -> str:
        return f"{self.kind}: {self.words}"


AT_STEPS = frozenset({RolloutPhase.PROGRESSING, RolloutPhase.PAUSED})
THERE = frozenset({RolloutPhase.PROMOTING, RolloutPhase.SETTLING})
"""The new version has all the traffic; at last it comes to the lasting place."""
MOVING = AT_STEPS | THERE


class Migration(StrEnum):
    """Where the schema change of a rollout stands."""

    NONE = "none"
    RUNNING = "running"
    DONE = "done"


@dataclass(frozen=True)
class Rollout:
    """One service moving from its stable to its canary label.

    *step* counts the canary steps that are done, *step_since* is when the present one began,
    *held_step* the one that a person was asked about, and *attempt* counts its earlier tries. *held_for*
    is the kind of failure that a person was asked about, *overruled* those that one has let go.
    *users_since* is when the first users had what it brings (for a worker, when it began to work).
    *alone_since* is when all of them had it, and nothing else.
    *migration_task* is the name under which its migration runs or ran, once it has begun.
    """

    service: str
    from_label: str | None
    to_label: str
    phase: RolloutPhase = RolloutPhase.PENDING
    reason: str = ""
    started_at: datetime | None = None
    progress_at: datetime | None = None
    progress: int = 0
    finished_at: datetime | None = None
    migration: Migration = Migration.NONE
    migration_task: str = ""
    strategy: Strategy = ROLLING
    step: int = 0
    step_since: datetime | None = None
    held_step: int | None = None
    attempt: int = 0
    held_for: FailureKind | None = None
    overruled: tuple[FailureKind, ...] = ()
    unready_since: datetime | None = None
    users_since: datetime | None = None
    alone_since: datetime | None = None

    @property
    def begun(self) -> bool:
        """Whether anything was done for it yet."""
        return self.phase is not RolloutPhase.PENDING or self.migration is not Migration.NONE

    @property
    def current_step(self) -> CanaryStep | None:
        """The canary step it is at; None where there is none (left)."""
        steps = self.strategy.steps
        return steps[self.step] if self.phase in AT_STEPS and self.step < len(steps) else None

    @property
    def compares_still(self) -> bool:
        """Whether it is not known yet whether the version before is better."""
        return self.strategy.compares and self.step < len(self.strategy.steps)

    def migration_id(self, deployment: int) -> str:
        """The name under which its migration runs, in the rollout's *deployment*.

        One that is recorded as running without a name was begun before names were recorded.
        """
        if self.migration_task or self.migration is Migration.NONE:
            return self.migration_task or names.migration_name(self.service, deployment, self.attempt + 1)
        return names.migration_name_before_tasks_were_marked(self.service, deployment)

    def check_id(self, deployment: int) -> str:
        """The name under which the command of its CHECK step runs, in the rollout's *deployment*."""
        return names.check_name(self.service, deployment, self.step + 1, self.attempt + 1)


@dataclass(frozen=True)
class Unseen:
    """A while in which nobody could see the environment: its proxies were silent, or no server was there."""

    since: datetime
    until: datetime

    def seconds_since(self, moment: datetime) -> float:
        """How much of it came after *moment*."""
        return max(0.0, (self.until - max(self.since, moment)).total_seconds())


@dataclass(frozen=True)
class Deployment:
    """A release on its way into an environment, by someone, for a reason.

    *strategy* is the one that was named for it; None where the environment's own was to be used.
    *taken_out* has the services that its release does not have and that it took out by now, with the
    version that each had. *by_token* says that a pipeline asked for it, and not a person. *fixes* are the
    irreversible releases that had changed the data when it took their places: it does not turn back by itself
    either. While the environment was *unseen* nothing was decided, and no deadline ran.
    """

    id: int
    environment: str
    release: str
    kind: Kind
    author: str
    reason: str
    created_at: datetime
    phase: Phase = Phase.WAITING
    phase_since: datetime | None = None
    finished_at: datetime | None = None
    message: str = ""
    from_release: str | None = None
    to_revision: int | None = None
    strategy: StrategyKind | None = None
    rollouts: Mapping[str, Rollout] = field(default_factory=dict)
    taken_out: Mapping[str, str] = field(default_factory=dict)
    by_token: bool = False
    timings_ms: Mapping[str, float] = field(default_factory=dict)
    unseen: tuple[Unseen, ...] = ()
    fixes: tuple[str, ...] = ()

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.phase in ENDED

    @property
    def left(self) -> dict[str, str]:
        """The version of each service that it leaves; nothing where it was given up before it left any."""
        arrived = any(rollout.phase is RolloutPhase.HEALTHY for rollout in self.rollouts.values())
        if self.phase in {Phase.FAILED, Phase.CANCELLED} and not arrived and not self.taken_out:
            return {}
        moved = {name: r.from_label for name, r in self.rollouts.items() if r.from_label is not None}
        return {**moved, **self.taken_out}

    @property
    def compares(self) -> bool:
        """Whether it goes back only if the version before is shown to be better."""
        return any(rollout.strategy.compares for rollout in self.rollouts.values())

    @property
    def migrating(self) -> bool:
        """Whether a migration of it has begun: the data may have changed."""
        return any(rollout.migration is not Migration.NONE for rollout in self.rollouts.values())


@dataclass(frozen=True)
class Revision:
    """One successful deployment in an environment's history; *undone_by* is the rollback of it.

    *fixes* are the irreversible releases whose places it took once they had changed the data.
    """

    environment: str
    number: int
    deployment: int
    release: str
    author: str
    reason: str
    kind: Kind
    at: datetime
    took_seconds: float
    undone_by: int | None = None
    fixes: tuple[str, ...] = ()


def check_transition(deployment: Deployment, to: Phase) -> None:
    """Raise ConflictError unless *deployment* may go to phase *to*."""
    if to not in TRANSITIONS[deployment.phase]:
        raise ConflictError(
            f"deployment {deployment.id} is {deployment.phase} and cannot become {to}",
            hint="see `carelane deployments show` for where it stands",
        )
