"""Replacement of a worker: the old copies end before the new ones start, so no work is done twice."""

from dataclasses import replace

from carelane.delivery.copies import Copies, Purpose
from carelane.delivery.decisions import rolling
from carelane.delivery.decisions.draft import Draft
from carelane.delivery.deployments import Rollout


def advance(draft: Draft, rollout: Rollout) -> bool:
    """Take the next step; True once every copy is new and settled."""
    name, label = rollout.service, rollout.to_label
    _move(draft, name, label)
    ready_new = draft.settled(name, label)
    rolling.note_progress(draft, rollout, ready_new)
    alone = all(copy.label == label and copy.serves for copy in draft.seen.of(name))
    return alone and ready_new >= draft.size(name)


def revert(draft: Draft, rollout: Rollout) -> bool:
    """Go back the same way; True once the stable label runs again, or there was none."""
    name = rollout.service
    stable = draft.service(name).stable
    _move(draft, name, stable)
    others = [copy for copy in draft.seen.of(name) if copy.label != stable]
    return not others and (stable is None or draft.ready(name, stable) >= draft.size(name))


def _move(draft: Draft, name: str, coming: str | None) -> None:
    copies = {} if coming is None else {coming: Copies(Purpose.SERVE)}
    draft.put(name, replace(draft.service(name), home=coming, copies=copies, shares=None))
