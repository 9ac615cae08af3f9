"""The emergency's way: out of the bad version at once, before any rule may say what is wrong.

Everything that has users is switched in one routing change wherever enough of the version to go back to
is ready; else users follow what is ready, as it gets ready. Nothing holds the switch: it is tried in every
phase and at every look, until all of it is in force, or a person gives it up.
"""

from collections import Counter
from dataclasses import replace
from enum import StrEnum

from carelane.delivery.copies import Copies, Purpose
from carelane.delivery.decisions import failing, finishing, giving, holding, leaving, replacing
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import Failure, FailureKind, Phase, Rollout, RolloutPhase
from carelane.delivery.releases import ServiceKind

GIVEN_SECONDS = 10.0
"""How long the version to go back to is given before its crashes are said to keep it from coming back."""
LIVED_SECONDS = 5.0
"""How long a worker must have run for it to count as one that does not crash at once."""
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
    UNCHANGED = "unchanged"
    """It is the same in the version to go back to: spoken of only where it is not well."""


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
    if draft.seen.visible:
        # After what is switched, in the same change: who has the paths leaves once somebody else is ready.
        leaves = [name for name in leaving.to_take_out(draft) if leaving.may_leave(draft, name)]
        finishing.take_out(draft, leaves)
    rollouts = draft.current().rollouts.values()
    if switched_before and draft.in_force() and all(_is_there(draft, r) for r in rollouts):
        _go_on(draft)
        finishing.finish(draft)
    else:
        _say_what_is_wrong(draft)


def _is_there(draft: Draft, rollout: Rollout) -> bool:
    """Whether the version to go back to has arrived, and nobody else serves or works any more.

    Of a worker nobody can be asked: it has lived for a while.
    """
    name, label = rollout.service, rollout.to_label
    lives = draft.wanted(rollout).run.kind is ServiceKind.WEB or all(
        copy.ready_seconds >= LIVED_SECONDS for copy in draft.serving(name, label)
    )
    return lives and failing.arrived(draft, rollout) and not draft.others(name, label)


def standing(draft: Draft, rollout: Rollout) -> Standing:
    """How far it has come with the service of *rollout*."""
    done = rollout.phase in leaving.ARRIVED
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
    """From here on users are where they are now, and go over; what has none of them gets none by that."""
    web = draft.wanted(rollout).run.kind is ServiceKind.WEB
    shares = _with_users(draft, rollout) if web else {}
    draft.put_on_trial(rollout)
    if web:
        _stand_by(draft, rollout, shares)


def _with_users(draft: Draft, rollout: Rollout) -> dict[str, int]:
    """By label what part of the users it has.

    While nobody can see it is what part it was to have. Where nobody at all is ready what was on its way may
    have had some a moment ago, if it ever had.
    """
    name, before = rollout.service, draft.snapshot.deployment
    if not draft.seen.visible:
        shares = draft.service(name).shares
        serving = [copy.label for copy in draft.seen.of(name) if copy.serves]
        return dict(Counter(serving)) if shares is None else dict(shares)
    shares = giving.as_now(draft, name)
    moving = before.rollouts.get(name) if before is not None and not before.ended else None
    if moving is None or moving.users_since is None or any(c.ready for c in draft.seen.of(name)):
        return shares
    return {moving.to_label: 1, **shares}


def _stand_by(draft: Draft, rollout: Rollout, shares: dict[str, int]) -> None:
    """Have the version to go back to filled, one more for each of it that is known not to be ready.

    Of what has users nothing more is started, and what is there goes on; all else goes.
    """
    name, label = rollout.service, rollout.to_label
    state, size = draft.service(name), draft.size(name)
    unfit = sum(not copy.ready for copy in draft.staying(name, label)) if draft.seen.visible else 0
    left = {other: Copies(Purpose.SERVE, 0) for other in shares if other != label}
    warm = {other: Copies(Purpose.WARM) for other in state.kept_warm}
    comes = Copies(Purpose.SERVE, 100 * (size + unfit) // size)
    draft.put(name, replace(state, home=label, copies={**warm, **left, label: comes}, shares=shares))


def _switch(draft: Draft, rollout: Rollout) -> bool:
    """Give users to what is ready of the version to go back to; True once nobody else has any."""
    if not draft.seen.visible:
        return False  # nothing is known of who is ready: it is tried again as soon as it is
    name, label = rollout.service, rollout.to_label
    if draft.service(name).shares is None:  # as an earlier server left it
        _stand_by(draft, rollout, _with_users(draft, rollout))
    if not giving.over(draft, name, label):
        return False
    state = draft.service(name)
    if rollout.from_label is not None and rollout.from_label != label:
        copies = {other: c for other, c in state.copies.items() if other != rollout.from_label}
        if rollout.from_label in state.kept_warm:  # it was before it came to users once more
            copies[rollout.from_label] = Copies(Purpose.WARM)
        draft.put(name, replace(state, copies=copies))
    return True


def _go_on(draft: Draft) -> None:
    if draft.current().phase is Phase.PAUSED:
        draft.to_phase(Phase.PROGRESSING, "it has come about after all")


def _say_what_is_wrong(draft: Draft) -> None:
    """A person is told once what keeps it from coming about, and again each time a pause would expire."""
    current = draft.current()
    if current.phase is Phase.PAUSED:
        since, said = current.phase_since or draft.now, _why(draft) or current.message
        if (draft.now - since).total_seconds() >= draft.policy.pause_expires_seconds:
            holding.remind(draft, said)
        elif said != current.message:  # what is shown is what keeps it now
            draft.deployment = replace(current, message=said)
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
        if found is not None and not (found.kind is FailureKind.CRASH_LOOP and _just_begun(draft)):
            return service, found
    return None


def _just_begun(draft: Draft) -> bool:
    """Whether what is known of crashes is from before: the cause may be gone, and others are on their way."""
    return draft.seconds_since(draft.current().created_at) < GIVEN_SECONDS


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
        for name in rollouts:
            _stay(draft, name)
        ending = "nothing had been switched; stable keeps its users, and takes those of what was on its way"
    for rollout in draft.current().rollouts.values():
        if rollout.phase is not RolloutPhase.HEALTHY:
            draft.put_rollout(rollout, RolloutPhase.DEGRADED, "given up")
    draft.to_phase(Phase.FAILED, f"{reason}; {ending}")


def _was_left(draft: Draft, rollout: Rollout) -> bool:
    """Whether users, or work, of the service are at the version to go back to, in part at least."""
    if rollout.phase is RolloutPhase.PENDING:
        return False
    if rollout.phase is RolloutPhase.PROMOTING or rollout.users_since is not None:
        return True
    if draft.wanted(rollout).run.kind is ServiceKind.WORKER:
        return rollout.from_label is not None
    return rollout.to_label in draft.reached(rollout.service)


def _stay(draft: Draft, name: str) -> None:
    """What was there goes on; the version to go back to is warm again where it was, else it goes."""
    state = draft.service(name)
    draft.put(name, replace(state, canary=None))
    if state.stable is None:
        leaving.see_off(draft, name)
    else:
        draft.share(name, None)
        draft.rest(name)
