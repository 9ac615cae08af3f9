"""Replacement of a worker: the old instances end before the new ones start, so no work is done twice."""

from dataclasses import replace

from carelane.delivery.decisions import instances
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import Rollout
from carelane.delivery.environments import STAYING, Intent


def advance(draft: Draft, rollout: Rollout) -> bool:
    """Take the next step; True once every replica is new and settled."""
    _move(draft, rollout.service, rollout.to_label)
    serving = draft.service(rollout.service).of(rollout.to_label, Intent.SERVE)
    ready_new = sum(draft.settled(instance) for instance in serving)
    if ready_new > rollout.progress:
        draft.put_rollout(replace(rollout, progress=ready_new, progress_at=draft.now))
    alone = len(serving) == len(draft.service(rollout.service).instances)
    return alone and ready_new >= draft.replicas(rollout.service)


def revert(draft: Draft, rollout: Rollout) -> bool:
    """Go back the same way; True once the stable label runs again, or there was none."""
    return _move(draft, rollout.service, draft.service(rollout.service).stable)


def _move(draft: Draft, name: str, coming: str | None) -> bool:
    others = [i for i in draft.service(name).instances if i.label != coming]
    draft.intend([i for i in others if i.intent in STAYING], Intent.STOP)
    if others:
        return False
    if coming is None:
        return True
    instances.fill(draft, name, coming)
    return len(instances.ready(draft, draft.service(name), coming, Intent.SERVE)) >= draft.replicas(name)
