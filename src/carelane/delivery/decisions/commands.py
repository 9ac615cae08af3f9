"""What people ask for, decided at once: deploy, pause, resume, abort, and the two rollbacks."""

from dataclasses import dataclass
from datetime import timedelta

from carelane.base.errors import ConflictError, Unavailable
from carelane.delivery.decisions import (
    emergencies,
    holding,
    progress,
    running,
    stepping,
    superseding,
    watching,
    weakening,
)
from carelane.delivery.decisions.draft import Draft, Snapshot
from carelane.delivery.decisions.requests import Request
from carelane.delivery.deployments import Deployment, Kind, Phase, Rollout, RolloutPhase
from carelane.delivery.environments import EnvironmentState, ServiceState
from carelane.delivery.releases import Release, ServiceKind, ServiceVersion
from carelane.delivery.strategies import COMPARED, ROLLING, Strategy

REVIEW_WITHIN = timedelta(hours=48)


def already(snapshot: Snapshot, release: Release, kind: Kind) -> str | None:
    """Why nothing is to do: *release* is there, or on its way for the same purpose; else None."""
    active, state = snapshot.deployment, snapshot.state
    if active is None or active.ended:
        there = kind is Kind.DEPLOY and state.release == release.name and not differing(state, release)
        return f"{state.name} has {release.name} already: nothing to do" if there else None
    same = active.release == release.name and active.kind is kind and active.phase is not Phase.ABORTING
    same = same and not active.compares  # what is only looked into may end without it
    return f"deployment {active.id} of {release.name} is under way already" if same else None


def differing(state: EnvironmentState, release: Release) -> list[str]:
    """The services that run otherwise in *release* than they do now, or in only one of both."""
    running = state.running
    names = dict.fromkeys((*release.versions, *running))
    return [n for n in names if n not in release.versions or not release.versions[n].same_as(running.get(n))]


def request(draft: Draft, wanted: Request) -> None:
    """Make a deployment, superseding the one under way.

    Raises:
        ConflictError: If an emergency is under way, whose place only another one takes; or if going
            back would change nothing.
    """
    previous = draft.deployment if draft.deployment is not None and not draft.deployment.ended else None
    if previous is not None:
        superseding.refuse(draft, previous, wanted)
    moved = previous is not None and wanted.kind is Kind.DEPLOY and superseding.has_moved_users(previous)
    if moved:
        superseding.keep_moved(draft)
    rollouts = _rollouts(draft, wanted, previous)
    if wanted.kind is not Kind.DEPLOY and not rollouts and not _dropped(draft, wanted.release, previous):
        raise ConflictError(
            f"{wanted.release.name} differs in no service from what runs in {draft.snapshot.state.name}:"
            " going there would change nothing",
            hint="`carelane history` lists what was there; --to-revision names one",
        )
    if previous is not None:
        stays = set(previous.rollouts) if moved else set()
        superseding.supersede(draft, wanted, taken=set(rollouts) if wanted.kind is Kind.EMERGENCY else stays)
    running.overtake(draft, rollouts)
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
        from_release=draft.shipped,
        to_revision=wanted.to_revision,
        by_token=wanted.by_token,
        strategy=wanted.strategy.kind if wanted.strategy is not None else None,
        rollouts=rollouts,
        fixes=draft.snapshot.changed_for_good if wanted.kind is Kind.DEPLOY else (),
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
    _record_weakening(draft, wanted)


def _record_weakening(draft: Draft, wanted: Request) -> None:
    if wanted.kind is not Kind.DEPLOY:
        return
    lost = weakening.given_up(draft.policy, draft.snapshot.state, wanted.release, wanted.strategy)
    if lost:
        by = "" if wanted.strategy is None else f"by {wanted.strategy.kind}, "
        draft.record(
            "policy.weakened", str(wanted.id), f"{by}without {' and '.join(lost)}", actor=wanted.author
        )


def _dropped(draft: Draft, release: Release, previous: Deployment | None) -> list[str]:
    """The services that run, or that the deployment under way has begun with, and that *release* has not."""
    begun = [n for n, r in previous.rollouts.items() if r.begun] if previous is not None else []
    begun += [name for name, state in draft.snapshot.state.services.items() if state.canary is not None]
    return [name for name in (*draft.snapshot.state.running, *begun) if name not in release.versions]


def _rollouts(draft: Draft, wanted: Request, previous: Deployment | None) -> dict[str, Rollout]:
    """A rollout for each service whose stable version differs, or that is on its way elsewhere."""
    begun = previous.rollouts if previous is not None else {}
    was_moving = {name: rollout for name, rollout in begun.items() if rollout.begun}
    rollouts = {}
    for name, version in wanted.release.versions.items():
        state = draft.service(name)
        stable = state.versions[state.stable] if state.stable is not None else None
        moving = was_moving.get(name)
        if not version.same_as(stable):
            strategy = _strategy(draft, wanted, state, version)
            rollouts[name] = Rollout(name, state.stable, version.label, strategy=strategy)
        else:
            left = _left(draft, name, moving, version.label)
            if left is not None:
                rollouts[name] = Rollout(name, left, version.label)
    # What may not be confirmed goes first: the others only follow it.
    return dict(sorted(rollouts.items(), key=lambda pair: pair[0] != wanted.compared))


def _left(draft: Draft, name: str, moving: Rollout | None, label: str) -> str | None:
    """Which version of a service is left for its stable one at *label*; None where only that is there."""
    if moving is not None:
        return moving.to_label if moving.to_label != label else moving.from_label
    wanted = [other for other in draft.service(name).serving if other != label]
    return next(iter([copy.label for copy in draft.others(name, label)] + sorted(wanted)), None)


def undo_late(draft: Draft, wanted: Request) -> None:
    """Undo what fails late, if it still does; only once by itself."""
    due = watching.failed(draft)
    if due is not None:
        watching.spend(draft, due, wanted.id)
        request(draft, wanted)


def _strategy(draft: Draft, wanted: Request, state: ServiceState, version: ServiceVersion) -> Strategy:
    """The way asked for, or the environment's; without steps where there is nothing to compare with.

    Only a rollback goes at once. A version that is still warm was judged beside another one when it came.
    """
    if version.service == wanted.compared:
        return COMPARED
    beside = state.stable not in {None, version.label}
    if wanted.kind is not Kind.DEPLOY or version.run.kind is not ServiceKind.WEB or not beside:
        return ROLLING
    return wanted.strategy or draft.policy.strategy_of(version.service)


def emergency(draft: Draft, wanted: Request) -> None:
    """Break the glass: the switch is part of this very decision wherever enough is ready to take over."""
    request(draft, wanted)
    due = draft.wall + REVIEW_WITHIN
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
    unseen = not draft.seen.visible
    if current.kind is Kind.EMERGENCY:
        if unseen:
            raise Unavailable(
                f"the proxies of {current.environment} do not answer: nobody knows what was left already",
                hint="they are being started again: try once more in a second",
            )
        emergencies.give_up(draft, reason, actor)
        return
    if current.compares:
        watching.leave_alone(draft)
    progress.begin_abort(draft, reason, actor)
    if not unseen:
        progress.advance(draft)


def pause(draft: Draft, actor: str, reason: str) -> None:
    """Hold the deployment under way where it is; nothing holds an emergency."""
    current = _under_way(draft)
    if current.kind is Kind.EMERGENCY:
        raise ConflictError(
            f"emergency rollback {current.id} is not held by anything",
            hint="`carelane rollout abort` gives it up",
        )
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
            f"deployment {current.id} is at no step: nothing to promote",
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
        steps = " and ".join(f"step {number}" for number in sorted(where)) or "no step"
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
