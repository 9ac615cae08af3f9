"""How a deployment goes forward, ends, and turns back: its services in order, and all of them together."""

from collections.abc import Callable
from dataclasses import replace

from carelane.delivery.decisions import (
    emergencies,
    failing,
    finishing,
    holding,
    incidents,
    keeping,
    migrating,
    replacing,
    rolling,
    stepping,
    watching,
)
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import (
    MOVING,
    THERE,
    Deployment,
    Failure,
    FailureKind,
    Kind,
    Migration,
    Phase,
    Rollout,
    RolloutPhase,
)
from carelane.delivery.incidents import Cause
from carelane.delivery.releases import ServiceKind, ServiceVersion, has_changed

Step = Callable[[Draft, Rollout], bool]


def advance(draft: Draft) -> None:
    """Take the deployment under way, if any, one step on."""
    if draft.deployment is None or draft.deployment.ended:
        return
    if draft.deployment.kind is Kind.EMERGENCY:
        emergencies.advance(draft)
        return
    if draft.deployment.phase is Phase.WAITING:
        draft.to_phase(Phase.PROGRESSING)
    if draft.current().phase is not Phase.ABORTING and watching.told_instead(draft):
        begin_abort(draft, watching.OFF)
    if draft.current().phase is Phase.PROGRESSING:
        _go_on(draft)
        if draft.current().phase is Phase.PAUSED:  # from the very decision that holds it
            for rollout in list(draft.current().rollouts.values()):
                _keep_whole(draft, rollout)
    elif draft.current().phase is Phase.PAUSED:
        _watch_pause(draft)
    if draft.current().phase is Phase.ABORTING:
        _turn_back(draft)


def _go_on(draft: Draft) -> None:
    """Services go one after another, in declared order."""
    for service in draft.current().rollouts:
        failed = _advance_rollout(draft, draft.rollout(service))
        if failed is not None:
            _fail(draft, service, failed)
            return
        if draft.rollout(service).phase not in THERE:
            return
    if not all(failing.arrived(draft, rollout) for rollout in draft.current().rollouts.values()):
        return
    if draft.in_force():
        _settle(draft)
    elif _is_late(draft, draft.current()):
        why = draft.seen.routing.rejected or "the proxies do not take it"
        begin_abort(draft, f"{FailureKind.ROUTING}: {why}")


def _settle(draft: Draft) -> None:
    """All have arrived, and come to the lasting place together; done once they are there.

    It never turns users away from what serves them: what takes too long is for a person.
    """
    rollouts = draft.current().rollouts.values()
    for rollout in rollouts:
        if _forward(draft, rollout) is rolling.advance:
            rolling.take_over(draft, rollout)
        state = draft.service(rollout.service)
        if state.home != rollout.to_label:
            draft.put(rollout.service, replace(state, home=rollout.to_label))
    away = [r.service for r in rollouts if draft.seen.home(r.service) != r.to_label]
    if not away:
        finishing.finish(draft)
        return
    for rollout in list(rollouts):
        if rollout.phase is RolloutPhase.PROMOTING:
            draft.put_rollout(replace(rollout, progress_at=draft.now), RolloutPhase.SETTLING)
    since = draft.rollout(away[0]).progress_at or draft.now
    if draft.seconds_since(since) >= draft.policy.rollback.progress_deadline_seconds:
        holding.pause(draft, f"{away[0]} has its users and does not come to its place: resume or abort")


def _advance_rollout(draft: Draft, rollout: Rollout) -> Failure | None:
    """One step of one rollout; the reason where it has failed."""
    if rollout.phase is RolloutPhase.PENDING:
        failed = _prepare(draft, rollout)
        if failed is not None or draft.rollout(rollout.service).phase is RolloutPhase.PENDING:
            return failed
    rollout = _noting_readiness(draft, draft.rollout(rollout.service))
    failed = failing.failure(draft, rollout) if rollout.phase in MOVING else None
    if failed is not None:
        return failed
    if rollout.phase is RolloutPhase.PROGRESSING and _forward(draft, rollout)(draft, rollout):
        draft.put_rollout(replace(draft.rollout(rollout.service), progress_at=None), RolloutPhase.PROMOTING)
    return None


def _noting_readiness(draft: Draft, rollout: Rollout) -> Rollout:
    """The rollout with since when it lacks readiness, if it does: what the rules of failing go by."""
    lost = rollout.phase in MOVING and failing.lost_readiness(draft, rollout)
    since = (rollout.unready_since or draft.now) if lost else None
    if since != rollout.unready_since:
        draft.put_rollout(replace(rollout, unready_since=since))
    return draft.rollout(rollout.service)


def _forward(draft: Draft, rollout: Rollout) -> Step:
    if draft.wanted(rollout).run.kind is ServiceKind.WORKER:
        return replacing.advance
    return stepping.advance if rollout.strategy.stepped else rolling.advance


def _backward(draft: Draft, rollout: Rollout) -> Step:
    if draft.wanted(rollout).run.kind is ServiceKind.WORKER:
        return replacing.revert
    return rolling.revert


def _prepare(draft: Draft, rollout: Rollout) -> Failure | None:
    """Wait for the backing services, run the migration, then give the service its canary."""
    if not draft.seen.backing_ready:
        since = rollout.started_at or draft.now
        draft.put_rollout(replace(rollout, started_at=since))
        limit = draft.policy.rollback.progress_deadline_seconds
        late = draft.seconds_since(since) >= limit
        return Failure(FailureKind.BACKING, f"not ready within {limit:g} s") if late else None
    version = draft.wanted(rollout)
    if rollout.migration is not Migration.DONE and _must_migrate(draft, version):
        return migrating.advance(draft, rollout)
    if rollout.strategy.stepped:
        stepping.begin(draft, rollout)
    else:
        draft.put_on_trial(rollout)
    return None


def _must_migrate(draft: Draft, version: ServiceVersion) -> bool:
    going_forward = draft.current().kind is Kind.DEPLOY
    return bool(
        version.run.migrate and going_forward and version.label not in draft.service(version.service).migrated
    )


def _fail(draft: Draft, service: str, failed: Failure) -> None:
    message = f"{service}: {failed}"
    if not draft.current().compares:  # what it brings, users had before
        incidents.failed(draft, service, Cause.of_failure(failed.kind), message)
    held = _why_held(draft)
    if held is None:
        begin_abort(draft, message, failed=service)
    elif draft.current().phase is Phase.PROGRESSING:
        draft.put_rollout(replace(draft.rollout(service), held_for=failed.kind))
        holding.pause(draft, f"{message}; {held}: abort, resume or deploy a fix")


def _why_held(draft: Draft) -> str | None:
    """Why a failed deployment is not turned back by itself; None where it is."""
    never = _why_never_back(draft)
    if never is not None:
        return never
    return None if draft.policy.rollback.automatic else watching.OFF


def _why_never_back(draft: Draft) -> str | None:
    """Why only a person may turn this deployment back, however long that takes; None where time may."""
    changed = replace(draft.snapshot, deployment=draft.deployment, release=draft.release).changed_for_good
    return has_changed(changed) if changed else None


def _watch_pause(draft: Draft) -> None:
    """A pause keeps what runs whole, whatever fails; it ends with a canary that dies in it, and expires."""
    failed: tuple[str, Failure] | None = None
    for service in draft.current().rollouts:
        rollout = draft.rollout(service)
        if rollout.phase not in MOVING:
            continue
        _keep_whole(draft, rollout)
        found = failing.failure_while_held(draft, _noting_readiness(draft, rollout))
        if failed is None and found is not None:
            failed = service, found
    if failed is not None:
        _fail(draft, *failed)
    if draft.current().phase is Phase.PAUSED:
        _expire(draft)


def _keep_whole(draft: Draft, rollout: Rollout) -> None:
    if rollout.phase not in MOVING or draft.wanted(rollout).run.kind is not ServiceKind.WEB:
        return
    if not rollout.strategy.stepped:
        rolling.hold(draft, rollout)


def _expire(draft: Draft) -> None:
    """A pause that nobody ended turns back; where only a person may, that is asked again."""
    since = draft.current().phase_since
    limit = draft.policy.pause_expires_seconds
    if since is None or draft.seconds_since(since) < limit:
        return
    never = _why_never_back(draft)
    if any(rollout.phase is RolloutPhase.SETTLING for rollout in draft.current().rollouts.values()):
        never = f"users have {draft.current().release} already"
    if never is None:
        begin_abort(draft, f"nobody resumed it within {limit:g} s")
    else:
        holding.remind(draft, f"nobody decided within {limit:g} s; {never}: abort, resume or deploy a fix")


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
        draft.to_phase(Phase.CANCELLED if current.compares else Phase.FAILED, current.message + ending)


def _is_late(draft: Draft, deployment: Deployment) -> bool:
    since = deployment.phase_since or draft.now
    return draft.seconds_since(since) >= draft.policy.rollback.progress_deadline_seconds


def tick(draft: Draft) -> None:
    """Everything there is to decide at one moment, in one draft."""
    if not draft.seen.visible:
        return
    keeping.tidy(draft)
    advance(draft)
    watching.note(draft)
    moving = _moving(draft)
    for name in list(draft.services):
        if name not in moving:
            keeping.maintain(draft, name)


def _moving(draft: Draft) -> set[str]:
    """The services that are being rolled out, or have nothing to be kept at until they are."""
    if draft.deployment is None or draft.deployment.ended:
        return set()
    rollouts = draft.deployment.rollouts.values()
    waiting = {r.service for r in rollouts if r.phase is RolloutPhase.PENDING}
    return {r.service for r in rollouts if r.phase in {*MOVING, RolloutPhase.ABORTING}} | {
        name for name in waiting if draft.service(name).stable is None
    }
