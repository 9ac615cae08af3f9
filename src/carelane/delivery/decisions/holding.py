"""Holding a deployment where it is, for a person, and letting it go on."""

from dataclasses import replace

from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import MOVING, FailureKind, Migration, Phase, Rollout, RolloutPhase

AGAIN = frozenset(
    {
        FailureKind.CHECK,
        FailureKind.VERIFY,
        FailureKind.DEADLINE,
        FailureKind.START,
        FailureKind.BACKING,
        FailureKind.MIGRATION,
        FailureKind.ROUTING,
    }
)
"""Kinds of failure that resuming tries once more; of the others it says that a person knows better."""


def pause(draft: Draft, message: str, actor: str = "carelane") -> None:
    """Hold everything where it is."""
    for rollout in draft.current().rollouts.values():
        if rollout.phase is RolloutPhase.PROGRESSING:
            draft.put_rollout(rollout, RolloutPhase.PAUSED, message)
    draft.to_phase(Phase.PAUSED, message, actor)


def ask(draft: Draft, rollout: Rollout, message: str) -> None:
    """Hold it at its canary step; whoever resumes it has decided that the step is done."""
    draft.put_rollout(replace(rollout, held_step=rollout.step))
    pause(draft, f"{rollout.service}: {message}")


def remind(draft: Draft, message: str) -> None:
    """A hold that only a person may end has expired: its time begins anew, and it is said again."""
    current = draft.current()
    draft.deployment = replace(current, phase_since=draft.now)
    draft.record("deployment.overdue", str(current.id), message, details={"release": current.release})


def resume(draft: Draft, message: str, actor: str) -> None:
    """Let a paused deployment go on, with fresh deadlines.

    What it was held for is let go: who resumes it has seen that. A check is asked once more instead.
    """
    draft.to_phase(Phase.PROGRESSING, message, actor)
    for rollout in draft.current().rollouts.values():
        if rollout.held_for is not None:
            _overrule(draft, rollout, rollout.held_for, message, actor)
    for rollout in draft.current().rollouts.values():
        if rollout.phase is RolloutPhase.PAUSED:
            due = draft.now if rollout.progress_at is not None else None
            fresh = replace(rollout, progress_at=due, step_since=draft.now)
            draft.put_rollout(fresh, RolloutPhase.PROGRESSING, message)
        elif rollout.phase in MOVING and rollout.progress_at is not None:
            draft.put_rollout(replace(rollout, progress_at=draft.now))
        elif rollout.phase is RolloutPhase.PENDING and rollout.started_at is not None:
            draft.put_rollout(replace(rollout, started_at=draft.now))


def _overrule(draft: Draft, rollout: Rollout, kind: FailureKind, message: str, actor: str) -> None:
    if kind in AGAIN:
        again = replace(rollout, held_for=None, attempt=rollout.attempt + 1)
        if kind is FailureKind.MIGRATION:
            again = replace(again, migration=Migration.NONE, migration_task="")
        draft.put_rollout(again)
        return
    if kind is FailureKind.UNDECIDED:
        # No verdict is let go for this step; a verdict that comes later is another matter.
        draft.put_rollout(replace(rollout, held_for=None, held_step=rollout.step))
    else:
        overruled = tuple(dict.fromkeys((*rollout.overruled, kind)))
        draft.put_rollout(replace(rollout, held_for=None, overruled=overruled))
    draft.record(
        "rollout.overruled",
        f"{draft.current().id}/{rollout.service}",
        message,
        actor=actor,
        details={"service": rollout.service, "failure": kind.value},
    )
