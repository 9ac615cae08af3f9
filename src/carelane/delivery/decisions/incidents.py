"""When an incident opens and when it is resolved, looked at once all else of a decision is made."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from carelane.delivery import users
from carelane.delivery.decisions import failing
from carelane.delivery.decisions.draft import ENGINE, Draft
from carelane.delivery.deployments import MOVING, THERE, Deployment, Kind, Phase, Rollout
from carelane.delivery.environments import Watch
from carelane.delivery.incidents import Cause, Incident
from carelane.delivery.releases import ServiceKind
from carelane.delivery.users import Users

LACKING = frozenset({Cause.READINESS, Cause.CRASH_LOOP, Cause.LIVENESS, Cause.START})
"""What is over as soon as enough copies are there and stay."""


def failed(draft: Draft, service: str, cause: Cause, words: str) -> None:
    """The deployment under way has failed by itself: an incident, if users had anything of it."""
    current = draft.current()
    since = _users_since(current)
    if since is not None:
        version = current.rollouts[service].to_label
        _open(draft, cause, words, deployment=current.id, service=service, version=version, since=since)


def late(
    draft: Draft, service: str, version: str | None, watch: Watch | None, cause: Cause, words: str
) -> None:
    """What a deployment brought that had succeeded turned out to be worse: users had it since then."""
    since, deployment = (watch.since, watch.deployment) if watch is not None else (None, None)
    _open(draft, cause, words, deployment=deployment, service=service, version=version, since=since)


def unwell(draft: Draft, service: str, version: str | None, words: str) -> None:
    """What was gone back to does not answer rightly: an incident about what had brought it once."""
    by = draft.service(service).brought_by.get(version or "")
    _open(draft, Cause.VERIFY, words, deployment=by, service=service, version=version, since=None)


def note(draft: Draft) -> None:
    """See what the decision as it stands means for users."""
    _note_users(draft)
    current = draft.deployment
    if current is not None and current.kind is Kind.EMERGENCY and _is_new(draft, current):
        _open_emergency(draft, current)
    if current is not None and current.phase is Phase.SUCCEEDED:
        for incident in draft.incidents:
            if _mends(draft, current, incident):
                words = f"deployment {current.id} of {current.release} succeeded"
                _resolve(draft, incident, words, current.id, _over_since(current, incident))
    for incident in draft.incidents:
        by = current.id if current is not None and not current.ended else None
        if _is_over(draft, incident):
            gone = " and ".join(dict.fromkeys(incident.worse.values()))
            _resolve(draft, incident, f"nobody gets {gone} any more", by)
        elif _is_well_again(draft, incident):
            well = "answers rightly" if incident.cause is Cause.VERIFY else "is whole again"
            _resolve(draft, incident, f"{incident.version} {well}", None)


def _note_users(draft: Draft) -> None:
    """Write down when the first users got what each rollout brings."""
    if draft.deployment is None:
        return
    who = draft.users()
    for rollout in draft.deployment.rollouts.values():
        mine = who.get(rollout.service)
        if rollout.users_since is None and rollout.phase in MOVING and _has_users(draft, rollout, mine):
            draft.put_rollout(replace(rollout, users_since=draft.now))


def _has_users(draft: Draft, rollout: Rollout, who: Users | None) -> bool:
    state = draft.service(rollout.service)
    at_steps = rollout.strategy.stepped and rollout.phase not in THERE
    if at_steps and not state.canary_percent:
        return False
    worker = draft.wanted(rollout).run.kind is ServiceKind.WORKER
    if not worker and rollout.to_label not in users.reached(state, who):
        return False
    return draft.ready(rollout.service, rollout.to_label) > 0


def _users_since(deployment: Deployment) -> datetime | None:
    known = [r.users_since for r in deployment.rollouts.values() if r.users_since is not None]
    return min(known, default=None)


def _is_new(draft: Draft, deployment: Deployment) -> bool:
    before = draft.snapshot.deployment
    return before is None or before.id != deployment.id


def _open_emergency(draft: Draft, emergency: Deployment) -> None:
    """It is about what users had of what it leaves: the deployment under way, else what brought the rest."""
    before = draft.snapshot.deployment
    under_way = before is not None and not before.ended and before.kind is Kind.DEPLOY
    left = before if under_way and before is not None and _users_since(before) is not None else None
    only = next(iter(emergency.rollouts.values())) if len(emergency.rollouts) == 1 else None
    _open(
        draft,
        Cause.EMERGENCY,
        f"emergency rollback to {emergency.release}: {emergency.reason}",
        deployment=left.id if left is not None else _latest_brought(draft, emergency),
        service=only.service if only is not None else None,
        version=_left(left, only),
        since=_users_since(left) if left is not None else None,
        actor=emergency.author,
        versions=_all_left(left, emergency) if only is None else None,
    )


def _all_left(left: Deployment | None, emergency: Deployment) -> dict[str, str]:
    """The labels that an emergency of several services leaves, by service."""
    found = {name: _left(left, rollout) for name, rollout in emergency.rollouts.items()}
    return {name: label for name, label in found.items() if label is not None} | dict(emergency.taken_out)


def _latest_brought(draft: Draft, emergency: Deployment) -> int | None:
    """The latest deployment that brought something of what *emergency* leaves."""
    state, wanted = draft.snapshot.state, draft.release.versions if draft.release is not None else {}
    left = [name for name in state.running if name in emergency.rollouts or name not in wanted]
    of = {name: state.services[name] for name in left}
    brought = [service.brought_by.get(service.stable or "", 0) for service in of.values()]
    return max(brought, default=0) or state.shipped_by


def _left(deployment: Deployment | None, rollout: Rollout | None) -> str | None:
    """The label that an emergency's only *rollout* leaves: on trial in *deployment*, else stable."""
    if rollout is None:
        return None
    moving = deployment.rollouts.get(rollout.service) if deployment is not None else None
    return moving.to_label if moving is not None else rollout.from_label


def _open(
    draft: Draft,
    cause: Cause,
    words: str,
    *,
    deployment: int | None,
    service: str | None,
    version: str | None,
    since: datetime | None,
    actor: str = ENGINE,
    versions: Mapping[str, str] | None = None,
) -> None:
    """Open an incident, unless one about the same deployment is open: it is the same one."""
    if deployment is not None and any(i.deployment == deployment for i in draft.incidents):
        return
    number = draft.incident_number()
    draft.put_incident(
        Incident(
            draft.snapshot.state.name,
            number,
            cause,
            words,
            draft.now,
            deployment,
            service,
            version,
            since,
            versions=versions or {},
        )
    )
    draft.record(
        "incident.opened",
        str(number),
        words,
        actor=actor,
        details={"cause": cause.value, "deployment": deployment, "service": service, "version": version},
    )


def _over_since(current: Deployment, incident: Incident) -> datetime | None:
    """Since when a rollback that has succeeded has all users of what an incident is about; None for others.

    It was not over by then: it could still turn back.
    """
    rollout = current.rollouts.get(incident.service or "")
    since = rollout.alone_since if rollout is not None else None
    return since if current.kind is Kind.ROLLBACK and since and since >= incident.opened_at else None


def _resolve(
    draft: Draft, incident: Incident, words: str, by: int | None, since: datetime | None = None
) -> None:
    resolved = replace(incident, resolved_at=since or draft.now, resolved_by=by)
    draft.put_incident(resolved)
    draft.record(
        "incident.resolved",
        str(incident.number),
        words,
        details={
            "cause": incident.cause.value,
            "deployment": incident.deployment,
            "service": incident.service,
            "recovery_seconds": resolved.recovery_seconds,
        },
    )


def _mends(draft: Draft, succeeded: Deployment, incident: Incident) -> bool:
    """Whether the success of a deployment ends an incident: it has moved what that is about."""
    if incident.service is None:
        return bool(succeeded.rollouts or succeeded.taken_out)
    gone = draft.release is not None and incident.service not in draft.release.versions
    return gone or incident.service in succeeded.rollouts


def _is_well_again(draft: Draft, incident: Incident) -> bool:
    """Whether the version that users have is whole by now without being undone, and answers if it did not."""
    asked = incident.cause is Cause.VERIFY
    if not (asked or incident.cause in LACKING) or incident.service is None or not draft.seen.visible:
        return False
    if asked and draft.seen.answers.get(incident.question) != "":
        return False
    name, state = incident.service, draft.service(incident.service)
    undo = draft.deployment
    if undo is not None and undo.kind is not Kind.DEPLOY and not undo.ended:
        return False  # its end says so
    if state.stable is None or state.stable != incident.version or failing.crashes(draft, name, state.stable):
        return False
    return draft.whole(name, state.stable) and (state.watch is None or state.watch.unready_since is None)


def _is_over(draft: Draft, incident: Incident) -> bool:
    """Whether users are off what was worse: nobody of that version is to serve, and another one does."""
    undo = draft.deployment
    if undo is not None and undo.kind is not Kind.DEPLOY and not undo.ended:
        return False  # its end says so: it may not be in force yet, or turn back
    worse = incident.worse.items()
    return bool(worse) and all(_is_off(draft, name, label) for name, label in worse)


def _is_off(draft: Draft, name: str, label: str) -> bool:
    """Whether nobody at *label* is to serve service *name* any more, and another one does."""
    state = draft.service(name)
    serving = [copy for copy in draft.seen.of(name) if copy.serves or copy.label in state.serving]
    if not serving and state.stable is None and draft.shipped is not None:
        return True  # it was new beside the others, and is gone
    others = [copy for copy in serving if copy.label != label]
    if len(others) < len(serving) or label in state.serving:
        return False
    return any(copy.ready and not copy.leaving for copy in others)
