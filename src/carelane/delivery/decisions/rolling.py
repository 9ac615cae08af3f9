"""Rolling replacement of a web service: the new version takes the old one's place, and traffic follows.

How many at once is the platform's business, at the pace that the policy sets. With ``keep_warm`` the old
ones go on running without traffic, so that turning back is one routing change.
"""

from dataclasses import replace

from carelane.delivery.copies import Copies, Purpose
from carelane.delivery.decisions import leaving
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import Rollout


def advance(draft: Draft, rollout: Rollout) -> bool:
    """Take the next step; True once every copy is new, ready, and alone in the routing.

    Alone in the routing that is in force: one that was rejected, or was not taken yet, is a wish.
    """
    name, label = rollout.service, rollout.to_label
    take_over(draft, rollout)
    ready_new = draft.settled(name, label)
    note_progress(draft, rollout, ready_new)
    return ready_new >= draft.size(name) and draft.in_force() and not draft.others(name, label)


def take_over(draft: Draft, rollout: Rollout) -> None:
    """Want the new version in the stable one's place; a hold may have wanted that one to fill up again."""
    stays = Copies(Purpose.WARM) if draft.policy.rollback.keep_warm else Copies(Purpose.SERVE, 0)
    _replace(draft, rollout.service, rollout.to_label, stays)


def hold(draft: Draft, rollout: Rollout) -> None:
    """Keep it whole where it stands: what was before fills up what is not ready of the new version."""
    if draft.service(rollout.service).shares is None:
        _replace(draft, rollout.service, rollout.to_label, Copies(Purpose.SERVE))


def _replace(draft: Draft, name: str, label: str, stays: Copies) -> None:
    """Let *label* come into the place of what serves now; of the stable version so much *stays* for that."""
    state = draft.service(name)
    copies = {**draft.following(name), **state.at_rest}
    if state.stable is not None:
        copies[state.stable] = stays
    copies[label] = Copies(Purpose.SERVE)
    draft.put(name, replace(state, home=label, copies=copies, shares=None))


def note_progress(draft: Draft, rollout: Rollout, ready_new: int) -> None:
    """More of the new version is ready than before: the deadline begins anew."""
    if ready_new > rollout.progress:
        draft.put_rollout(replace(rollout, progress=ready_new, progress_at=draft.now))


def revert(draft: Draft, rollout: Rollout) -> bool:
    """Go back to the stable label, from canary steps too; True once it can carry all traffic as promised.

    What is warm serves again in the same routing change that takes the new version out. A rollback
    out of a canary goes to stable itself: ended in the middle, it has nowhere else to go back to.
    """
    name, stable = rollout.service, draft.service(rollout.service).stable
    if stable is None:
        leaving.see_off(draft, name)
        return True
    draft.rest(name)
    return draft.seen.visible and draft.whole(name, stable)
