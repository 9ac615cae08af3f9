"""The emergency's way: out of the bad version at once, before any rule may say what is wrong.

Everything that has users is switched in one routing change wherever enough of the version to go back to
is ready; else users follow what is ready, as it gets ready. Nothing holds the switch: it is tried in every
phase and at every look, until all of it is in force, or a person gives it up.
"""

from dataclasses import replace
from enum import StrEnum

from carelane.delivery import routing
from carelane.delivery.decisions import failing, finishing, holding, instances, leaving, replacing
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import Failure, Phase, Rollout, RolloutPhase
from carelane.delivery.environments import STAYING, Instance, Intent
from carelane.delivery.releases import ServiceKind

NEVER_BACK = "an emergency rollback never goes back to what it left: it goes on being tried"


class Standing(StrEnum):
    """How far an emergency has come with one service."""

    SWITCHED = "switched"
    FOLLOWING = "following"
    """Users go over as instances of the version to go back to get ready."""
    REPLACING = "replacing"
    """A worker: the old one ends before the new one starts."""
    REPLACED = "replaced"
    LEAVING = "leaving"
    """The version to go back to does not have this service: it leaves once another one has its paths."""
    TAKEN_OUT = "taken out"


def advance(draft: Draft) -> None:
    """Switch what can be switched, end what is in force, and only then say what is wrong."""
    if draft.current().phase is Phase.ABORTING:  # as an earlier version left it
        _end(draft, draft.current().message)
        return
    switched_before = _all_promoting(draft) and finishing.taken_out(draft)
    if draft.current().phase is Phase.WAITING:
        draft.to_phase(Phase.PROGRESSING)
    for service in draft.current().rollouts:
        _move(draft, service)
    if draft.seen.endpoints is not None:
        # After what is switched, in the same change: who has the paths leaves once somebody else is ready.
        leaves = [name for name in leaving.to_take_out(draft) if leaving.may_leave(draft, name)]
        finishing.take_out(draft, leaves)
    rollouts = draft.current().rollouts.values()
    if switched_before and draft.in_force() and all(failing.arrived(draft, r) for r in rollouts):
        _go_on(draft)
        finishing.finish(draft)
    else:
        _say_what_is_wrong(draft)


def standing(draft: Draft, rollout: Rollout) -> Standing:
    """How far it has come with the service of *rollout*."""
    done = rollout.phase in leaving.THERE
    if draft.wanted(rollout).run.kind is ServiceKind.WORKER:
        return Standing.REPLACED if done else Standing.REPLACING
    return Standing.SWITCHED if done and not waits_for_paths(draft, rollout) else Standing.FOLLOWING


def waits_for_paths(draft: Draft, rollout: Rollout) -> bool:
    """Whether another service, which is to leave, has the paths of this one still."""
    return bool(leaving.carrying_for(draft, rollout.service))


def _all_promoting(draft: Draft) -> bool:
    """Whether the switch of everything was recorded before this decision, so that it may be in force."""
    return all(r.phase is RolloutPhase.PROMOTING for r in draft.current().rollouts.values())


def _move(draft: Draft, service: str) -> None:
    rollout = draft.rollout(service)
    if rollout.phase is RolloutPhase.PENDING:
        _begin(draft, rollout)
    elif rollout.phase is RolloutPhase.PAUSED:
        draft.put_rollout(rollout, RolloutPhase.PROGRESSING)
    rollout = draft.rollout(service)
    worker = draft.wanted(rollout).run.kind is ServiceKind.WORKER
    done = replacing.advance(draft, rollout) if worker else _switch(draft, rollout)
    rollout = draft.rollout(service)
    if done and rollout.phase is RolloutPhase.PROGRESSING:
        draft.put_rollout(replace(rollout, progress_at=None), RolloutPhase.PROMOTING)


def _begin(draft: Draft, rollout: Rollout) -> None:
    """Traffic follows what is ready from here on; what had no users until now gets none by that.

    For each instance to go back to that is not ready another one is started.
    """
    state = draft.service(rollout.service)
    if state.canary_percent == 0:
        known = {state.stable, rollout.to_label, *_with_users(draft, rollout.service)}
        draft.intend([i for i in state.of_intent(Intent.SERVE) if i.label not in known], Intent.DRAIN)
    draft.put_on_trial(rollout, percent=None)
    if draft.wanted(rollout).run.kind is ServiceKind.WEB and draft.seen.endpoints is not None:
        draft.intend(_newcomers(draft, rollout), Intent.DRAIN)
        # What drains has not been told to end: it is as good as a warm one.
        draining = draft.service(rollout.service).of(rollout.to_label, Intent.DRAIN)
        draft.intend([i for i in draining if draft.ready(i)], Intent.SERVE)
        staying = draft.service(rollout.service).of(rollout.to_label, *STAYING)
        unfit = sum(not draft.ready(instance) for instance in staying)
        instances.fill(draft, rollout.service, rollout.to_label, draft.replicas(rollout.service) + unfit)


def _newcomers(draft: Draft, rollout: Rollout) -> list[Instance]:
    """Instances of what was on its way that have no users, and would get some as soon as they are ready.

    Where nobody at all is ready they may have had some a moment ago, unless nobody ever had their version.
    What was there whole is not thinned out: its instances that are not ready for a moment carry users again.
    """
    state, before = draft.service(rollout.service), draft.snapshot.deployment
    left = [i for i in state.of_intent(Intent.SERVE) if i.label != rollout.to_label]
    somebody = any(draft.ready(i) for i in [*left, *state.of(rollout.to_label, *STAYING)])
    moving = before.rollouts.get(rollout.service) if before is not None and not before.ended else None
    if moving is None or not (somebody or (moving.users_since is None and moving.to_label != state.stable)):
        return []
    return [i for i in left if i.label == moving.to_label and not draft.ready(i)]


def _with_users(draft: Draft, service: str) -> set[str]:
    """The labels that have users: another one than stable too, where nobody of stable is ready.

    While the proxies are silent any may have them but what is on trial.
    """
    state = draft.service(service)
    if draft.seen.endpoints is None:
        return {label for label in state.versions if label != state.canary}
    route = draft.routed().services.get(service)
    return {label for label, version in route.versions.items() if version.weight} if route else set()


def _switch(draft: Draft, rollout: Rollout) -> bool:
    """Give users to what is ready of the version to go back to; True once nobody else has any.

    One of ten would not carry everybody: until as many as promised are ready, each takes the place of
    one that is left; but where nobody who is left is ready, the first takes all. Who is left may be another
    service, which has its paths. Nobody is given to what is left: beside a canary, who is ready carries
    most users already, and takes the rest.
    """
    if draft.seen.endpoints is None:
        return False  # nothing is known of who is ready: it is tried again as soon as it is
    name, label = rollout.service, rollout.to_label
    instances.fill(draft, name, label)
    state = draft.service(name)
    coming = instances.ready(draft, state, label, Intent.SERVE)
    left = [i for i in state.of_intent(Intent.SERVE) if i.label != label]
    carrying = [i for i in left if draft.ready(i)]
    places = min(max(draft.replicas(name) - len(coming), 1), _most_left(draft, rollout, len(coming)))
    alone = not carrying[:places] and not leaving.carrying_for(draft, name)
    if coming and (len(coming) >= draft.promised(name) or alone):
        cold = state.of(rollout.from_label, Intent.WARM) if rollout.from_label != label else []
        draft.intend([*left, *cold], Intent.DRAIN)
        return True
    draft.intend(carrying[places:], Intent.DRAIN)
    return False


def _most_left(draft: Draft, rollout: Rollout, coming: int) -> int:
    """How many of those that are left may go on beside so many that are *coming*, and get no more users.

    Traffic follows the instances from here on; by canary steps it was shared otherwise until now.
    """
    before = routing.routing(draft.snapshot.state, draft.seen).services.get(rollout.service)
    weights = {label: v.weight for label, v in before.versions.items()} if before is not None else {}
    theirs = weights.pop(rollout.to_label, 0)
    return coming * sum(weights.values()) // theirs if theirs else draft.replicas(rollout.service)


def _go_on(draft: Draft) -> None:
    if draft.current().phase is Phase.PAUSED:
        draft.to_phase(Phase.PROGRESSING, "it has come about after all")


def _say_what_is_wrong(draft: Draft) -> None:
    """A person is told once what keeps it from coming about, and again each time a pause would expire."""
    current = draft.current()
    if current.phase is Phase.PAUSED:
        since = current.phase_since or draft.now
        if (draft.now - since).total_seconds() >= draft.policy.pause_expires_seconds:
            holding.remind(draft, _why(draft) or current.message)
        return
    found = _failure(draft)
    if found is not None:
        service, failed = found
        draft.put_rollout(replace(draft.rollout(service), held_for=failed.kind))
        draft.to_phase(Phase.PAUSED, _said(service, failed))


def _why(draft: Draft) -> str | None:
    found = _failure(draft)
    return None if found is None else _said(*found)


def _failure(draft: Draft) -> tuple[str, Failure] | None:
    """The first service that something keeps from being switched, and what."""
    for service, rollout in draft.current().rollouts.items():
        found = failing.failure_to_switch(draft, rollout)
        if found is not None:
            return service, found
    return None


def _said(service: str, found: Failure) -> str:
    return f"{service}: {found}; {NEVER_BACK}; abort it to deploy a fix, or ask again to go further back"


def give_up(draft: Draft, reason: str, actor: str) -> None:
    """End an emergency that has not come about, without ever leading back to what it left.

    Where nothing was left yet everything stays as it is. Else the version to go back to is stable from
    now on, and those services that still have users elsewhere follow as it gets ready: releases are
    not mixed.
    """
    draft.to_phase(Phase.ABORTING, reason, actor)
    _end(draft, reason)


def _end(draft: Draft, reason: str) -> None:
    rollouts = draft.current().rollouts
    left = [name for name, rollout in rollouts.items() if _was_left(draft, rollout)]
    if left or draft.current().taken_out:
        finishing.settle(draft, whole=False)
        ending = f"{draft.current().release} stays, it was there already in part"
    else:
        for name, rollout in rollouts.items():
            _stay(draft, name, rollout)
        ending = "nothing had been switched; stable keeps its users, and takes those of what was on its way"
    for rollout in draft.current().rollouts.values():
        if rollout.phase is not RolloutPhase.HEALTHY:
            draft.put_rollout(rollout, RolloutPhase.DEGRADED, "given up")
    draft.to_phase(Phase.FAILED, f"{reason}; {ending}")


def _was_left(draft: Draft, rollout: Rollout) -> bool:
    """Whether users, or work, of the service are at the version to go back to, in part at least."""
    if rollout.phase is RolloutPhase.PENDING:
        return False
    state = draft.service(rollout.service)
    if rollout.phase is RolloutPhase.PROMOTING or rollout.users_since is not None:
        return True
    if draft.wanted(rollout).run.kind is ServiceKind.WORKER:
        return rollout.from_label is not None and not state.of(rollout.from_label, *STAYING)
    return rollout.to_label in draft.reached(rollout.service)


def _stay(draft: Draft, name: str, rollout: Rollout) -> None:
    state = draft.service(name)
    draft.put(name, replace(state, canary=None))
    if rollout.to_label != state.stable:
        kept = rollout.to_label in state.kept_warm
        places = draft.replicas(name) if kept else 0
        staying = sorted(state.of(rollout.to_label, *STAYING), key=lambda i: not draft.ready(i))
        draft.intend(staying[:places], Intent.WARM)
        draft.intend(staying[places:], Intent.DRAIN)
