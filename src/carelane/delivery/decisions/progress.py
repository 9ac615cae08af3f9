"""How a deployment goes forward, ends, and turns back: its services in order, and all of them together."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from carelane.base.errors import InvariantError
from carelane.delivery.decisions import (
    crashes,
    failing,
    holding,
    incidents,
    instances,
    migrating,
    replacing,
    rolling,
    stepping,
    switching,
)
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import (
    Deployment,
    Kind,
    Migration,
    Phase,
    Revision,
    Rollout,
    RolloutPhase,
)
from carelane.delivery.environments import Warm
from carelane.delivery.incidents import Cause
from carelane.delivery.releases import ServiceKind, ServiceVersion

Step = Callable[[Draft, Rollout], bool]
MOVING = (RolloutPhase.PROGRESSING, RolloutPhase.PAUSED, RolloutPhase.PROMOTING)


def advance(draft: Draft) -> None:
    """Take the deployment under way, if any, one step on."""
    if draft.deployment is None or draft.deployment.ended:
        return
    if draft.deployment.phase is Phase.WAITING:
        draft.to_phase(Phase.PROGRESSING)
    if draft.current().phase is Phase.PROGRESSING:
        _go_on(draft)
    elif draft.current().phase is Phase.PAUSED:
        _watch_pause(draft)
    if draft.current().phase is Phase.ABORTING:
        _turn_back(draft)


def _version(draft: Draft, rollout: Rollout) -> ServiceVersion:
    if draft.release is None:
        raise InvariantError("a deployment under way has its release beside it")
    return draft.release.versions[rollout.service]


def _go_on(draft: Draft) -> None:
    """Services go one after another, in declared order; in an emergency all at once."""
    together = draft.current().kind is Kind.EMERGENCY
    for service in draft.current().rollouts:
        failed = _advance_rollout(draft, draft.rollout(service))
        if failed is not None:
            _fail(draft, service, failed)
            return
        if draft.rollout(service).phase is not RolloutPhase.PROMOTING and not together:
            return
    if all(
        r.phase is RolloutPhase.PROMOTING and failing.arrived(draft, r)
        for r in draft.current().rollouts.values()
    ):
        _finish(draft)


def _advance_rollout(draft: Draft, rollout: Rollout) -> str | None:
    """One step of one rollout; the reason where it has failed."""
    if rollout.phase is RolloutPhase.PENDING:
        failed = _prepare(draft, rollout)
        if failed is not None or draft.rollout(rollout.service).phase is RolloutPhase.PENDING:
            return failed
    rollout = draft.rollout(rollout.service)
    failed = failing.failure(draft, rollout) if rollout.phase in MOVING else None
    if failed is not None:
        return failed
    rollout = draft.rollout(rollout.service)
    if rollout.phase is RolloutPhase.PROGRESSING and _forward(draft, rollout)(draft, rollout):
        draft.put_rollout(replace(draft.rollout(rollout.service), progress_at=None), RolloutPhase.PROMOTING)
    return None


def _forward(draft: Draft, rollout: Rollout) -> Step:
    if _version(draft, rollout).run.kind is ServiceKind.WORKER:
        return replacing.advance
    if draft.current().kind is Kind.EMERGENCY:
        return switching.advance
    return stepping.advance if rollout.strategy.stepped else rolling.advance


def _backward(draft: Draft, rollout: Rollout) -> Step:
    if _version(draft, rollout).run.kind is ServiceKind.WORKER:
        return replacing.revert
    return stepping.revert if rollout.strategy.stepped else rolling.revert


def _prepare(draft: Draft, rollout: Rollout) -> str | None:
    """Wait for the backing services, run the migration, then give the service its canary."""
    if not draft.seen.backing_ready and draft.current().kind is not Kind.EMERGENCY:
        since = rollout.started_at or draft.now
        draft.put_rollout(replace(rollout, started_at=since))
        limit = draft.policy.rollback.progress_deadline_seconds
        late = draft.now - since >= timedelta(seconds=limit)
        return f"backing: not ready within {limit:g} s" if late else None
    version = _version(draft, rollout)
    state = draft.service(rollout.service)
    if rollout.migration is not Migration.DONE and _must_migrate(draft, version):
        return migrating.advance(draft, rollout)
    draft.put(
        rollout.service,
        replace(
            state,
            canary=version.label,
            canary_percent=0 if rollout.strategy.stepped else None,
            versions={**state.versions, version.label: version},
            withdrawn=tuple(label for label in state.withdrawn if label != version.label),
        ),
    )
    started = replace(rollout, started_at=draft.now, progress_at=draft.now, step_since=draft.now)
    draft.put_rollout(started, RolloutPhase.PROGRESSING)
    return None


def _must_migrate(draft: Draft, version: ServiceVersion) -> bool:
    going_forward = draft.current().kind is Kind.DEPLOY
    return bool(
        version.run.migrate and going_forward and version.label not in draft.service(version.service).migrated
    )


def _fail(draft: Draft, service: str, reason: str) -> None:
    message = f"{service}: {reason}"
    incidents.failed(draft, service, Cause.of_failure(failing.kind_of(reason)), message)
    held = _why_held(draft)
    if held is None:
        begin_abort(draft, message, failed=service)
    elif draft.current().phase is Phase.PROGRESSING:
        draft.put_rollout(replace(draft.rollout(service), held_for=failing.kind_of(reason)))
        holding.pause(draft, f"{message}; {held}: abort, resume or deploy a fix")


def _why_held(draft: Draft) -> str | None:
    """Why a failed deployment is not turned back by itself; None where it is."""
    never = _why_never_back(draft)
    if never is not None:
        return never
    return None if draft.policy.rollback.automatic else "automatic rollback is off"


def _why_never_back(draft: Draft) -> str | None:
    """Why only a person may turn this deployment back, however long that takes; None where time may."""
    if draft.current().kind is Kind.EMERGENCY:
        return "an emergency rollback never goes back to what it left"
    migrated = any(r.migration is not Migration.NONE for r in draft.current().rollouts.values())
    if draft.release is not None and draft.release.irreversible and migrated:
        return f"{draft.release.name} is irreversible and has changed the data"
    return None


def _watch_pause(draft: Draft) -> None:
    """A pause keeps what runs whole, ends with a canary that dies in it, and expires."""
    for rollout in draft.current().rollouts.values():
        failed = failing.failure_while_held(draft, rollout) if rollout.phase in MOVING else None
        if failed is not None:
            _fail(draft, rollout.service, failed)
            return
        if rollout.phase not in MOVING or _version(draft, rollout).run.kind is not ServiceKind.WEB:
            continue
        if rollout.strategy.stepped and rollout.phase is not RolloutPhase.PROMOTING:
            stepping.keep_stable_whole(draft, rollout)
        elif not rollout.strategy.stepped:
            instances.top_up(draft, rollout.service)
    since = draft.current().phase_since
    limit = draft.policy.pause_expires_seconds
    expired = since is not None and (draft.now - since).total_seconds() >= limit
    if expired and _why_never_back(draft) is None:
        begin_abort(draft, f"nobody resumed it within {limit:g} s")


def begin_abort(draft: Draft, message: str, actor: str = "carelane", *, failed: str | None = None) -> None:
    """Turn back, all because of the one that *failed*; the first step is taken in the same decision."""
    draft.to_phase(Phase.ABORTING, message, actor)
    for rollout in draft.current().rollouts.values():
        if rollout.phase is RolloutPhase.PENDING:
            draft.put_rollout(rollout, RolloutPhase.DEGRADED, "its deployment was aborted")
        elif rollout.phase in MOVING:
            along = failed not in {None, rollout.service}
            draft.put_rollout(
                rollout, RolloutPhase.ABORTING, f"taken back with {failed}" if along else message
            )


def _turn_back(draft: Draft) -> None:
    current = draft.current()
    late = _is_late(draft, current)
    for rollout in current.rollouts.values():
        if rollout.phase is not RolloutPhase.ABORTING:
            continue
        if _backward(draft, rollout)(draft, rollout) or late:
            draft.put(rollout.service, replace(draft.service(rollout.service), canary=None))
            draft.put_rollout(rollout, RolloutPhase.DEGRADED, rollout.reason)
    if all(r.phase is not RolloutPhase.ABORTING for r in draft.current().rollouts.values()):
        ending = "; the stable version was not whole again in time" if late else ""
        draft.to_phase(Phase.FAILED, current.message + ending)


def _is_late(draft: Draft, deployment: Deployment) -> bool:
    since = deployment.phase_since or draft.now
    return (draft.now - since).total_seconds() >= draft.policy.rollback.progress_deadline_seconds


def _finish(draft: Draft) -> None:
    """Every service is there: the canaries become stable, history gains a revision if that is a change."""
    current = draft.current()
    for rollout in current.rollouts.values():
        _promote(draft, rollout)
        draft.put_rollout(rollout, RolloutPhase.HEALTHY)
    for name in set(draft.services) - set(draft.release.versions if draft.release else ()):
        draft.put(name, replace(draft.service(name), stable=None, canary=None, previous=()))
    if current.release != draft.snapshot.state.release:
        # Who only leaves a canary has what it had: no step of the history, which is of finite length.
        _add_revision(draft)
    draft.to_phase(Phase.SUCCEEDED)


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
    web = _version(draft, rollout).run.kind is ServiceKind.WEB
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
        ),
    )


def tick(draft: Draft) -> None:
    """Everything there is to decide at one moment, in one draft."""
    crashes.note(draft)
    instances.tidy(draft)
    advance(draft)
    moving = set()
    if draft.deployment is not None and not draft.deployment.ended:
        moving = {
            r.service
            for r in draft.deployment.rollouts.values()
            if r.phase in {*MOVING, RolloutPhase.ABORTING}
        }
    for name, state in list(draft.services.items()):
        if name not in moving:
            instances.maintain(draft, name)
        elif state.stable is not None:
            instances.replace_dead(draft, name, state.stable)
