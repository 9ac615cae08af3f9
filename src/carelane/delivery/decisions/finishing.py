"""How a deployment arrives: what was on trial becomes stable, and history gains a revision."""

from dataclasses import replace
from datetime import timedelta

from carelane.delivery.decisions import watching
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import Kind, Phase, Revision, Rollout, RolloutPhase
from carelane.delivery.environments import Warm
from carelane.delivery.releases import ServiceKind


def finish(draft: Draft) -> None:
    """Every service is there."""
    settle(draft)
    draft.to_phase(Phase.SUCCEEDED)


def settle(draft: Draft) -> None:
    """What was on trial is stable from now on, and history gains a revision if that is a change."""
    current = draft.current()
    for rollout in current.rollouts.values():
        _promote(draft, rollout)
        if rollout.phase is RolloutPhase.PROMOTING:
            draft.put_rollout(rollout, RolloutPhase.HEALTHY)
    for name in set(draft.services) - set(draft.release.versions if draft.release else ()):
        draft.put(name, replace(draft.service(name), stable=None, canary=None, previous=()))
    if current.release != draft.snapshot.state.release:
        # Who only leaves a canary has what it had: no step of the history, which is of finite length.
        _add_revision(draft)


def _add_revision(draft: Draft) -> None:
    current = draft.current()
    number = draft.snapshot.state.revision + 1
    if current.to_revision is not None:
        draft.undone = tuple(range(current.to_revision + 1, number))
    draft.revision = Revision(
        environment=current.environment,
        number=number,
        deployment=current.id,
        release=current.release,
        author=current.author,
        reason=current.reason,
        kind=current.kind,
        at=draft.now,
        took_seconds=(draft.now - current.created_at).total_seconds(),
    )
    draft.set_release(current.release, number)


def _promote(draft: Draft, rollout: Rollout) -> None:
    state = draft.service(rollout.service)
    policy = draft.policy.rollback
    earlier = [w for w in state.previous if w.label not in {rollout.to_label, rollout.from_label}]
    kept: list[Warm] = []
    web = draft.wanted(rollout).run.kind is ServiceKind.WEB
    if web and rollout.from_label is not None and draft.current().kind is Kind.DEPLOY:
        kept = [Warm(rollout.from_label, draft.now + timedelta(seconds=policy.keep_warm_seconds))]
    draft.put(
        rollout.service,
        replace(
            state,
            stable=rollout.to_label,
            canary=None,
            canary_percent=None,
            previous=tuple(kept + earlier)[: policy.keep_warm],
            watch=watching.begin(draft, rollout),
        ),
    )
