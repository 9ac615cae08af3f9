"""Holding a deployment where it is, for a person, and letting it go on."""

from dataclasses import replace

from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import Phase, Rollout, RolloutPhase

AGAIN = frozenset({"check", "verify", "deadline", "start", "backing", "migration", "routing"})
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
        elif rollout.phase is RolloutPhase.PENDING and rollout.started_at is not None:
            draft.put_rollout(replace(rollout, started_at=draft.now))


def _overrule(draft: Draft, rollout: Rollout, kind: str, message: str, actor: str) -> None:
    if kind in AGAIN:
        draft.put_rollout(replace(rollout, held_for=None, attempt=rollout.attempt + 1))
        return
    overruled = tuple(dict.fromkeys((*rollout.overruled, kind)))
    draft.put_rollout(replace(rollout, held_for=None, overruled=overruled))
    draft.record(
        "rollout.overruled",
        f"{draft.current().id}/{rollout.service}",
        message,
        actor=actor,
        details={"service": rollout.service, "failure": kind},
    )
