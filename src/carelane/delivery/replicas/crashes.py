"""Instances that ended by themselves, or lost what keeps them: told in the trail, and not over and over."""

from dataclasses import replace
from datetime import timedelta

from carelane.delivery.observations import ProcessPhase
from carelane.delivery.replicas.draft import FleetDraft
from carelane.delivery.replicas.fleet import Instance, Intent
from carelane.delivery.replicas.seen import InstanceSeen

AGAIN_AFTER = timedelta(minutes=10)
"""How long after an entry the next lone end of the same instance is told at once."""


def note(draft: FleetDraft) -> None:
    """Record what became of instances since that was last told; what was told to stop is expected to end."""
    for service in draft.services:
        known = draft.crew(service).instances
        noted = tuple(_noted(draft, instance) for instance in known)
        if noted != known:
            draft.put(service, noted)


def _noted(draft: FleetDraft, instance: Instance) -> Instance:
    seen = draft.seen.instances.get(instance.id)
    if seen is None or instance.intent is Intent.STOP:
        return instance
    return _ends(draft, _keeper(draft, instance, seen), seen)


def _keeper(draft: FleetDraft, instance: Instance, seen: InstanceSeen) -> Instance:
    kept = seen.supervised or (instance.kept and seen.phase is not ProcessPhase.RUNNING)
    if instance.kept and not kept:
        _record(draft, "instance.adopted", instance, seen, "what keeps it was gone: it is given another")
    return instance if kept is instance.kept else replace(instance, kept=kept)


def _ends(draft: FleetDraft, instance: Instance, seen: InstanceSeen) -> Instance:
    if instance.ends is None or seen.ends < instance.ends:
        return replace(instance, ends=seen.ends)  # of what was before nothing is known
    new = seen.ends - instance.ends
    if not new or not _is_due(draft, instance, seen, new):
        return instance
    often = f", {new} times since that was last told" if new > 1 else ""
    if seen.exit_code is None:
        words = f"it ended{often}, nobody saw how; it is started again"
        _record(draft, "instance.restarted", instance, seen, words)
    else:
        words = f"it ended by itself with exit code {seen.exit_code}{often}; it is started again"
        _record(draft, "instance.crashed", instance, seen, words)
    return replace(instance, ends=seen.ends, ends_told_at=draft.now)


def _is_due(draft: FleetDraft, instance: Instance, seen: InstanceSeen, new: int) -> bool:
    """A lone end is told, unless one was just now; of a row the first, then whenever they have doubled."""
    told_in_this_row = seen.restarts - new
    if seen.restarts > 1:
        return told_in_this_row <= 0 or seen.restarts >= 2 * told_in_this_row
    return instance.ends_told_at is None or draft.now - instance.ends_told_at >= AGAIN_AFTER


def _record(draft: FleetDraft, act: str, instance: Instance, seen: InstanceSeen, words: str) -> None:
    said = {"exit_code": seen.exit_code, "ends": seen.ends, "ends_in_a_row": seen.restarts}
    draft.record(act, instance, words, said)
