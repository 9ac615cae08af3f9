"""What people ask for, decided at once: deploy, pause, resume, abort, and the two rollbacks."""

from dataclasses import dataclass, replace
from datetime import timedelta

from carelane.base.errors import ConflictError
from carelane.delivery.decisions import holding, instances, progress, stepping
from carelane.delivery.decisions.draft import Draft, Snapshot
from carelane.delivery.deployments import Deployment, Kind, Phase, Rollout, RolloutPhase
from carelane.delivery.environments import Intent, ServiceState
from carelane.delivery.releases import Release, ServiceKind, ServiceVersion
from carelane.delivery.strategies import ROLLING, Strategy

REVIEW_WITHIN = timedelta(hours=48)


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


def already(snapshot: Snapshot, release: Release, kind: Kind) -> str | None:
    """Why nothing is to do: *release* is there, or on its way for the same purpose; else None."""
    active = snapshot.deployment
    if active is None or active.ended:
        there = kind is Kind.DEPLOY and snapshot.state.release == release.name
        return f"{snapshot.state.name} has {release.name} already: nothing to do" if there else None
    same = active.release == release.name and active.kind is kind and active.phase is not Phase.ABORTING
    return f"deployment {active.id} of {release.name} is under way already" if same else None


def request(draft: Draft, wanted: Request) -> None:
    """Make a deployment, superseding the one under way."""
    previous = draft.deployment
    if previous is not None and not previous.ended:
        supersede(draft, wanted)
    draft.release = wanted.release
    draft.deployment = Deployment(
        id=wanted.id,
        environment=draft.snapshot.state.name,
        release=wanted.release.name,
        kind=wanted.kind,
        author=wanted.author,
        reason=wanted.reason,
        created_at=draft.now,
        phase_since=draft.now,
        from_release=draft.snapshot.state.release,
        to_revision=wanted.to_revision,
        strategy=wanted.strategy.kind if wanted.strategy is not None else None,
        rollouts=_rollouts(draft, wanted, previous),
    )
    draft.record(
        "deployment.requested",
        str(wanted.id),
        wanted.reason,
        actor=wanted.author,
        details={
            "release": wanted.release.name,
            "kind": wanted.kind.value,
            "services": list(draft.deployment.rollouts),
        },
    )


def _rollouts(draft: Draft, wanted: Request, previous: Deployment | None) -> dict[str, Rollout]:
    """A rollout for each service whose stable version differs, or that is on its way elsewhere."""
    was_moving = previous.rollouts if previous is not None and not previous.ended else {}
    rollouts = {}
    for name, version in wanted.release.versions.items():
        state = draft.service(name)
        stable = state.versions[state.stable] if state.stable is not None else None
        moving = was_moving.get(name)
        if not version.same_as(stable):
            strategy = _strategy(draft, wanted, state, version)
            rollouts[name] = Rollout(name, state.stable, version.label, strategy=strategy)
        elif wanted.kind is not Kind.DEPLOY and moving is not None:
            rollouts[name] = Rollout(name, moving.to_label, version.label)
    return rollouts


def _strategy(draft: Draft, wanted: Request, state: ServiceState, version: ServiceVersion) -> Strategy:
    """The way asked for, or the environment's; without steps where there is nothing to compare with.

    A version that is still warm was judged when it came: going back to it waits for nothing.
    """
    known = {state.stable, *(warm.label for warm in state.previous)}
    new = state.stable is not None and version.label not in known
    if wanted.kind is not Kind.DEPLOY or version.run.kind is not ServiceKind.WEB or not new:
        return ROLLING
    return wanted.strategy or draft.policy.strategy_of(version.service)


def supersede(draft: Draft, wanted: Request) -> None:
    """End the deployment under way: its versions leave the routing before anything else starts."""
    old = draft.current()
    because = f"superseded by deployment {wanted.id} of {wanted.release.name}"
    for rollout in old.rollouts.values():
        if rollout.phase in {RolloutPhase.HEALTHY, RolloutPhase.DEGRADED}:
            continue
        if rollout.phase is not RolloutPhase.PENDING:
            _back_to_stable(draft, rollout)
        draft.put_rollout(rollout, RolloutPhase.DEGRADED, because)
    draft.to_phase(Phase.SUPERSEDED, because, wanted.author)
    draft.also(draft.current())


def _back_to_stable(draft: Draft, rollout: Rollout) -> None:
    name = rollout.service
    # A canary loses its weight before anything else; without steps traffic follows the instances.
    state = replace(draft.service(name), canary=None, canary_percent=0 if rollout.strategy.stepped else None)
    draft.put(name, state)
    if state.versions[rollout.to_label].run.kind is ServiceKind.WORKER:
        draft.intend(state.of(rollout.to_label, Intent.SERVE), Intent.STOP)
        return
    if state.stable is None:
        draft.intend(state.of(rollout.to_label, Intent.SERVE), Intent.DRAIN)
        return
    instances.fill(draft, name, state.stable)
    if rollout.strategy.stepped:
        instances.withdraw(draft, name, rollout.to_label)
    instances.drain_others(draft, name, state.stable)


def emergency(draft: Draft, wanted: Request) -> None:
    """Break the glass: the switch is part of this very decision wherever something is ready to take over."""
    request(draft, wanted)
    due = draft.now + REVIEW_WITHIN
    draft.record(
        "review.required",
        str(wanted.id),
        "an emergency rollback asks no gate",
        actor=wanted.author,
        details={"due_at": due.isoformat()},
    )
    progress.advance(draft)


def abort(draft: Draft, actor: str, reason: str) -> None:
    """End the deployment under way; from here on it only goes back."""
    current = _under_way(draft)
    if current.phase is Phase.ABORTING:
        raise ConflictError(f"deployment {current.id} is aborting already")
    if current.phase is Phase.WAITING:
        draft.to_phase(Phase.CANCELLED, reason, actor)
        return
    progress.begin_abort(draft, reason, actor)
    progress.advance(draft)


def pause(draft: Draft, actor: str, reason: str) -> None:
    """Hold the deployment under way where it is."""
    _under_way(draft)
    holding.pause(draft, reason, actor)


def resume(draft: Draft, actor: str, reason: str) -> None:
    """Let it go on."""
    current = _under_way(draft)
    if current.phase is not Phase.PAUSED:
        raise ConflictError(f"deployment {current.id} is {current.phase}, not Paused")
    holding.resume(draft, reason, actor)


@dataclass(frozen=True)
class At:
    """What was seen by who asks to go on: the deployment, and its canary step, counted from 1."""

    deployment: int | None = None
    step: int | None = None


def promote(draft: Draft, actor: str, reason: str, *, full: bool, seen: At = At()) -> None:
    """Go past the canary step that waits, or (*full*) past all that are left.

    Raises:
        ConflictError: If there is no such step (any more), or it is not one to go past.
    """
    current = _under_way(draft)
    if current.phase is Phase.ABORTING:
        raise ConflictError(f"deployment {current.id} is aborting: abort wins over promote")
    at_steps = [r for r in current.rollouts.values() if r.current_step is not None]
    _check_seen(current, at_steps, seen)
    later = [r for r in current.rollouts.values() if r.strategy.stepped and r.phase is RolloutPhase.PENDING]
    if not at_steps and not (full and later):
        raise ConflictError(
            f"deployment {current.id} is at no canary step: nothing to promote",
            hint="`carelane rollout show` says where it stands",
        )
    if current.phase is Phase.PAUSED:
        holding.resume(draft, reason, actor)
    for rollout in [*at_steps, *(later if full else [])]:
        stepping.skip(draft, rollout.service, full=full)
    draft.record(
        "deployment.promoted",
        str(current.id),
        reason,
        actor=actor,
        details={"full": full, "services": [r.service for r in at_steps]},
    )


def _check_seen(current: Deployment, at_steps: list[Rollout], seen: At) -> None:
    """Refuse to go past what nobody has looked at: it may have moved on meanwhile."""
    where = {rollout.step + 1 for rollout in at_steps}
    moved = seen.deployment not in {None, current.id}
    if moved or (seen.step is not None and where and seen.step not in where):
        steps = " and ".join(f"step {number}" for number in sorted(where)) or "no canary step"
        raise ConflictError(
            f"it has moved on: deployment {current.id} is at {steps}",
            hint="`carelane rollout show` says where it stands; then ask again",
        )


def _under_way(draft: Draft) -> Deployment:
    if draft.deployment is None or draft.deployment.ended:
        raise ConflictError(
            f"nothing is moving in {draft.snapshot.state.name}",
            hint="`carelane history` shows what was; `carelane rollback` undoes what has succeeded",
        )
    return draft.deployment
