"""Rolling replacement of a web service: new instances come in, old ones leave, none too many at once.

Traffic follows readiness: an instance meant to serve is routed to when the proxies find it fit, and
an old one leaves the routing before anything else happens to it. With ``keep_warm`` the old ones go
on running without traffic, so that turning back is one routing change.
"""

from dataclasses import replace

from carelane.delivery.decisions import instances, leaving
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import Rollout
from carelane.delivery.environments import STAYING, Instance, Intent, ServiceState


def advance(draft: Draft, rollout: Rollout) -> bool:
    """Take the next step; True once every replica is new, ready, and alone in the routing.

    Alone in the routing that the proxies took: one that they rejected, or have not read yet, is a wish.
    """
    name = rollout.service
    alone = draft.in_force() and not _others(draft.service(name), rollout)
    draft.intend(draft.service(name).of(rollout.to_label, Intent.WARM), Intent.SERVE)
    _retire(draft, rollout)
    _add(draft, rollout)
    state = draft.service(name)
    ready_new = _settled(draft, state, rollout)
    note_progress(draft, rollout, len(ready_new))
    return len(ready_new) >= draft.replicas(name) and alone


def _retire(draft: Draft, rollout: Rollout) -> None:
    """Let old instances leave: those not fit for traffic first, then as many as the pace allows."""
    state = draft.service(rollout.service)
    replicas = draft.replicas(rollout.service)
    unavailable, surge = draft.policy.pace.resolved(replicas)
    ready_new = _settled(draft, state, rollout)
    old = _others(state, rollout)
    ready_old = [i for i in old if draft.ready(i)]
    # With a surge there is always a way that keeps one instance in the routing.
    floor = max(replicas - unavailable, 1 if surge else 0)
    spare = len(ready_new) + len(ready_old) - floor
    leaving: list[Instance] = ready_old[: max(spare, 0)]
    unfit = [i for i in old if i not in ready_old]
    if ready_new or surge:
        leaving += unfit if ready_new else []
    else:
        # Without a surge only they can make room; what is not fit anyway is missed by nobody.
        leaving += unfit[: max(unavailable - len(state.of(rollout.to_label, *STAYING)), 0)]
    draft.intend(leaving, Intent.WARM if draft.policy.rollback.keep_warm else Intent.DRAIN)


def _settled(draft: Draft, state: ServiceState, rollout: Rollout) -> list[Instance]:
    return [i for i in state.of(rollout.to_label, Intent.SERVE) if draft.settled(i)]


def _others(state: ServiceState, rollout: Rollout) -> list[Instance]:
    return [i for i in state.of_intent(Intent.SERVE) if i.label != rollout.to_label]


def _add(draft: Draft, rollout: Rollout) -> None:
    state = draft.service(rollout.service)
    replicas = draft.replicas(rollout.service)
    _, surge = draft.policy.pace.resolved(replicas)
    new = len(state.of(rollout.to_label, *STAYING))
    old = len(_others(state, rollout))
    count = min(replicas - new, replicas + surge - old - new)
    if count > 0:
        draft.start(rollout.service, rollout.to_label, count)


def note_progress(draft: Draft, rollout: Rollout, ready_new: int) -> None:
    """More of the new version is ready than before: the deadline begins anew."""
    if ready_new > rollout.progress:
        draft.put_rollout(replace(rollout, progress=ready_new, progress_at=draft.now))


def revert(draft: Draft, rollout: Rollout) -> bool:
    """Go back to the stable label; True once it carries all traffic and the new one is leaving.

    What is warm serves again in the same routing change that takes the new instances out. A rollback
    out of a canary goes to stable itself: ended in the middle, it has nowhere else to go back to.
    """
    name, stable = rollout.service, draft.service(rollout.service).stable
    kept = draft.service(name).kept_warm
    if rollout.to_label not in {stable, *kept}:
        draft.intend(draft.service(name).of(rollout.to_label, Intent.WARM), Intent.DRAIN)
    if stable is None:
        leaving.see_off(draft, name)
        return True
    instances.fill(draft, name, stable)
    return instances.drain_others(draft, name, stable)
