"""How a deployment arrives: what was on trial becomes stable, and history gains a revision."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from carelane.delivery.copies import Copies, Purpose
from carelane.delivery.decisions import leaving, running, watching
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import THERE, Kind, Phase, Revision, Rollout, RolloutPhase
from carelane.delivery.environments import Warm
from carelane.delivery.releases import ServiceKind


def finish(draft: Draft) -> None:
    """Every service is there."""
    settle(draft)
    if draft.current().kind is Kind.DEPLOY:
        running.settle(draft)
    draft.to_phase(Phase.SUCCEEDED)


def settle(draft: Draft, *, whole: bool = True) -> None:
    """What was on trial is stable from now on, and history gains a revision if that is a change.

    Where not the *whole* of it has arrived, a service that the release does not have stays for as long as
    nobody else answers its paths.
    """
    current = draft.current()
    for rollout in current.rollouts.values():
        _promote(draft, rollout, whole=whole)
        if rollout.phase in THERE:
            draft.put_rollout(rollout, RolloutPhase.HEALTHY)
    _keep(draft)
    for name in leaving.to_take_out(draft):
        if whole or leaving.may_leave(draft, name):
            take_out(draft, [name])
        else:
            later = tuple(leaving.successors(draft, name))
            draft.put(name, replace(draft.service(name), leaves_for=later))
    if current.release != draft.snapshot.state.release:
        # Who only leaves a canary has what it had: no step of the history, which is of finite length.
        _add_revision(draft)


def _keep(draft: Draft) -> None:
    """What was to leave, and is in the release after all, stays."""
    for name in draft.release.versions if draft.release is not None else ():
        if draft.service(name).leaves_for:
            draft.put(name, replace(draft.service(name), leaves_for=()))


def take_out(draft: Draft, names: Iterable[str]) -> None:
    """Services that the release does not have leave the traffic, drain and end."""
    for name in names:
        label = draft.service(name).stable or ""
        draft.leave(name)
        current = draft.current()
        draft.deployment = replace(current, taken_out={**current.taken_out, name: label})


def taken_out(draft: Draft) -> bool:
    """Whether nothing of them was to serve any more before this decision."""
    wanted = draft.release.versions if draft.release is not None else {}
    before = draft.snapshot.state.services
    return not any(before[n].serving for n in before if n not in wanted)


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
        fixes=current.fixes,
    )
    draft.set_release(current.release, number)


def _who_brought(draft: Draft, rollout: Rollout) -> dict[str, int]:
    """What is gone back to was brought by who brought it first."""
    state, current = draft.service(rollout.service), draft.current()
    known = {label: number for label, number in state.brought_by.items() if label in state.versions}
    new = rollout.to_label != state.stable and (current.kind is Kind.DEPLOY or rollout.to_label not in known)
    return {**known, rollout.to_label: current.id} if new else known


def _promote(draft: Draft, rollout: Rollout, *, whole: bool) -> None:
    """Make what was on trial stable; where not the *whole* of it has arrived, users of others follow yet."""
    state = draft.service(rollout.service)
    policy = draft.policy.rollback
    # Who only leaves a canary leaves what was warm before as it was.
    gone = {rollout.to_label, *({rollout.from_label} if rollout.to_label != state.stable else ())}
    earlier = [w for w in state.previous if w.label not in gone]
    kept: list[Warm] = []
    left = state.versions.get(rollout.from_label or "")
    web = {v.run.kind for v in (left, draft.wanted(rollout)) if v is not None} == {ServiceKind.WEB}
    came = rollout.from_label is not None and rollout.to_label != state.stable
    if web and came and rollout.from_label is not None and draft.current().kind is Kind.DEPLOY:
        kept = [Warm(rollout.from_label, draft.now + timedelta(seconds=policy.keep_warm_seconds))]
    stable = replace(
        state,
        stable=rollout.to_label,
        home=rollout.to_label,
        canary=None,
        shares=None if whole else state.shares,
        previous=tuple(kept + earlier)[: policy.keep_warm],
        # Who only leaves a canary has what was watched before.
        watch=state.watch if rollout.to_label == state.stable else watching.begin(draft, rollout),
        brought_by=_who_brought(draft, rollout),
    )
    following = {label: Copies(Purpose.SERVE, 0) for label, share in (stable.shares or {}).items() if share}
    draft.put(rollout.service, stable)
    if stable.shares is None:
        draft.rest(rollout.service)
    else:
        draft.put(rollout.service, replace(stable, copies={**following, **stable.at_rest}))
