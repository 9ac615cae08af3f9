"""The watch after a success: for as long as the version before is warm, what fails late is undone, once.

What crash-loops, or is not ready any more while the version before is, is undone at once. An error ratio
that is worse than before is only a suspicion: another hour, or a database's incident, would look the same.
Then the version before gets half of the users again for a moment, and the judge compares both.
"""

from dataclasses import dataclass, replace
from datetime import timedelta

from carelane.delivery import targets
from carelane.delivery.decisions import failing, incidents
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import Failure, FailureKind, Kind, Rollout, RolloutPhase
from carelane.delivery.environments import Watch
from carelane.delivery.incidents import Cause
from carelane.delivery.releases import Release, ServiceKind

OFF = "automatic rollback is off"
MOST_TRIALS = 3
"""How often a version is compared with the one before it again; then only a person suspects it."""


@dataclass(frozen=True)
class Due:
    """What a deployment that has succeeded is to be undone for; *suspected* only if the judge agrees."""

    service: str
    failure: Failure

    @property
    def suspected(self) -> bool:
        """Whether it is a suspicion, which the version before has to confirm."""
        return self.failure.kind is FailureKind.SUSPECTED

    def __str__(self) -> str:
        return f"{self.service}: {self.failure}"


def begin(draft: Draft, rollout: Rollout) -> Watch | None:
    """The watch over what *rollout* brought; None where there is nothing to go back to by itself."""
    keeps = draft.policy.rollback.keep_warm > 0
    if rollout.from_label is None or draft.current().kind is not Kind.DEPLOY or not keeps:
        return None
    until = draft.now + timedelta(seconds=draft.policy.rollback.keep_warm_seconds)
    return Watch(draft.current().id, draft.now, until, size=draft.size(rollout.service))


def note(draft: Draft) -> None:
    """End the watches whose time is over, and write down since when a version lacks readiness."""
    if not draft.seen.visible:
        return
    for name, state in list(draft.services.items()):
        watch = state.watch
        if watch is None or state.stable is None:
            continue
        over = watch.until <= draft.now and watch.unready_since is None
        if over or (not state.previous and _is_web(draft, name)):
            draft.put(name, replace(state, watch=None))
            continue
        before = watch.unready_since if draft.unseen is None else None  # it may have been well meanwhile
        lacks = _lacks(draft, name)
        since = (before or draft.now) if lacks and not _is_replaced(draft, name) else None
        fit = (watch.fit and not draft.anew) or not lacks
        if (since, fit) != (watch.unready_since, watch.fit):
            draft.put(name, replace(state, watch=replace(watch, unready_since=since, fit=fit)))
    if _is_moving(draft):
        _note_meanwhile(draft)
        return
    due = None if draft.policy.rollback.automatic else failed(draft)
    if due is not None:
        tell(draft, due, OFF)


def _is_moving(draft: Draft) -> bool:
    return draft.deployment is not None and not draft.deployment.ended


def _is_replaced(draft: Draft, name: str) -> bool:
    """Whether what is under way takes copies from the stable version of service *name*: no canary does."""
    rollout = draft.deployment.rollouts.get(name) if draft.deployment is not None else None
    if not _is_moving(draft) or rollout is None or not rollout.begun:
        return False
    return not rollout.strategy.stepped or rollout.phase not in {
        RolloutPhase.PROGRESSING,
        RolloutPhase.PAUSED,
    }


def _note_meanwhile(draft: Draft) -> None:
    """What is under way is not taken back for what fails beside it, which is an incident all the same.

    It is undone by itself when that has ended, if it still fails.
    """
    for name in _able(draft):
        found = None if _is_replaced(draft, name) else _fails(draft, name)
        if found is not None:
            words = f"{name}: {found}; deployment {draft.current().id} is under way"
            note_incident(draft, name, Cause.of_failure(found.kind), words)


def failed(draft: Draft) -> Due | None:
    """The first of what was brought that fails late, and how; None while nothing does, or something moves."""
    if _is_moving(draft) or not draft.seen.visible:
        return None
    able = _able(draft)
    for name in able:
        found = _fails(draft, name)
        if found is not None:
            return Due(name, found)
    for name in able:  # a suspicion of one hides no fault of another
        suspected = _suspected(draft, name)
        if suspected is not None:
            return Due(name, suspected)
    return None


def _able(draft: Draft) -> list[str]:
    """The services that are watched, and that have somebody to go back to."""
    watched = [
        name
        for name, state in draft.services.items()
        if state.watch is not None and not _is_settled(draft, state.watch) and state.stable is not None
    ]
    return [name for name in watched if _way_back(draft, name)]


def _fails(draft: Draft, name: str) -> Failure | None:
    """How the stable version of service *name* fails, for all to see."""
    return _crashes(draft, name, draft.service(name).stable or "") or _unready(draft, name)


def _is_settled(draft: Draft, watch: Watch) -> bool:
    """Whether a person knows of what is watched, or it was undone by itself already."""
    off = watch.told_while_off and not draft.policy.rollback.automatic
    return watch.told or off or watch.spent_by is not None


def tell(draft: Draft, due: Due, why: str) -> None:
    """Say once that it fails and is not undone by itself, and *why*; again once that is undone by itself."""
    state = draft.service(due.service)
    if state.watch is None or _is_settled(draft, state.watch):
        return
    if not due.suspected:
        note_incident(draft, due.service, Cause.of_failure(due.failure.kind), str(due))
    off = not draft.policy.rollback.automatic
    told = replace(state.watch, told_while_off=True) if off else replace(state.watch, told=True)
    draft.put(due.service, replace(state, watch=told))
    draft.record(
        "deployment.suspected",
        str(state.watch.deployment),
        f"{due}; not undone by itself: {why}",
        details={"service": due.service, "version": state.stable},
    )


def spend(draft: Draft, due: Due, rollback: int) -> None:
    """What *rollback* undoes is undone once by itself; a suspicion begins anew with what is counted next."""
    for name, state in list(draft.services.items()):
        if state.watch is None:
            continue
        if not due.suspected:
            draft.put(name, replace(state, watch=replace(state.watch, spent_by=rollback)))
        elif name == due.service:
            again = replace(state.watch, trials=state.watch.trials + 1, counting_since=draft.now)
            draft.put(name, replace(state, watch=again))
    if not due.suspected:
        note_incident(draft, due.service, Cause.of_failure(due.failure.kind), str(due))


def give_back(draft: Draft, rollback: int) -> None:
    """What *rollback* was to undo is watched again: something else came before it had moved anybody."""
    for name, state in list(draft.services.items()):
        if state.watch is not None and state.watch.spent_by == rollback:
            draft.put(name, replace(state, watch=replace(state.watch, spent_by=None)))


def told_instead(draft: Draft) -> bool:
    """Whether what is under way only compares, and nothing is undone by itself any more: that is told."""
    undecided = [n for n, r in draft.current().rollouts.items() if r.compares_still]
    if not undecided or draft.policy.rollback.automatic:
        return False
    for name in undecided:
        tell(
            draft, Due(name, Failure(FailureKind.SUSPECTED, "it was being compared with the one before")), OFF
        )
    return True


def leave_alone(draft: Draft) -> None:
    """A person has decided about what was suspected: it is not looked into again."""
    for name in draft.current().rollouts:
        state = draft.service(name)
        if state.watch is not None:
            draft.put(name, replace(state, watch=replace(state.watch, told=True)))


def mends(draft: Draft, due: Due, release: Release) -> bool:
    """Whether going back to *release* would put the version before of what fails in its place."""
    before = release.versions.get(due.service)
    if before is None or not _is_web(draft, due.service):
        return before is None or before.label != draft.service(due.service).stable
    return before.label in draft.ready_warm(due.service)


def note_incident(draft: Draft, service: str, cause: Cause, words: str) -> None:
    """Users had something worse since the deployment that brought it, as far as is known."""
    state = draft.service(service)
    known = state.watch or draft.snapshot.state.service(service).watch
    incidents.late(draft, service, state.stable, known, cause, words)


def _is_web(draft: Draft, name: str) -> bool:
    state = draft.service(name)
    return state.versions[state.stable or ""].run.kind is ServiceKind.WEB


def _way_back(draft: Draft, name: str) -> bool:
    """Whether the version before could take users: a worker's is started when it is gone back to.

    One that is ready is enough to begin with: users go over as more get ready.
    """
    if not _is_web(draft, name):
        return True
    return bool(draft.ready_warm(name))


def _lacks(draft: Draft, name: str) -> bool:
    stable = draft.service(name).stable
    return _is_web(draft, name) and draft.ready(name, stable) < draft.policy.pace.promised(_own(draft, name))


def _own(draft: Draft, name: str) -> int:
    """How many copies the version had when it came, as far as there are to be so many still."""
    watch = draft.service(name).watch
    brought = watch.size if watch is not None else None
    return min(draft.size(name), brought or targets.usual_size(name, draft.policy, draft.seen))


def _crashes(draft: Draft, name: str, label: str) -> Failure | None:
    """Whether it crash-loops; not by what was added to it, while as many as it had are there."""
    found = failing.crashes(draft, name, label)
    return None if _is_web(draft, name) and draft.ready(name, label) >= _own(draft, name) else found


def _unready(draft: Draft, name: str) -> Failure | None:
    state = draft.service(name)
    since = state.watch.unready_since if state.watch is not None else None
    if since is None or state.watch is None:
        return None
    lasted = (draft.now - since).total_seconds()
    ready = draft.ready(name, state.stable)
    lost = state.watch.fit and not ready
    limit = failing.READINESS_LOST_SECONDS if lost else draft.policy.rollback.progress_deadline_seconds
    if lasted < limit:
        return None
    said = f"{ready} of {_own(draft, name)} instances of {state.stable} ready for {lasted:.0f} s"
    return Failure(FailureKind.READINESS, f"{said}, the version before is")


def _suspected(draft: Draft, name: str) -> Failure | None:
    state = draft.service(name)
    words = draft.seen.suspicions.get(name)
    if words is None or state.watch is None or state.watch.trials >= MOST_TRIALS or not _is_web(draft, name):
        return None
    return Failure(FailureKind.SUSPECTED, words)
