"""A new beginning for a version that runs: its instances are replaced by others of it, one by one."""

from carelane.delivery.replicas import keeping
from carelane.delivery.replicas.draft import FleetDraft
from carelane.delivery.replicas.fleet import Instance, Intent


def due(draft: FleetDraft, service: str, home: str) -> list[Instance]:
    """Those that serve at *home* and were begun before a restart was asked for."""
    asked_at = draft.wanted(service).restarted_at
    serving = draft.crew(service).of(home, Intent.SERVE)
    return [i for i in serving if asked_at is not None and (i.born is None or i.born < asked_at)]


def renew(draft: FleetDraft, service: str, home: str) -> None:
    """One more than wanted is begun; once all that are new are ready, an old one leaves."""
    wanted = draft.wanted(service)
    old = due(draft, service, home)
    serving = draft.crew(service).of(home, Intent.SERVE)
    new = [i for i in serving if i not in old]
    keeping.let_go(draft, service)
    if not all(draft.ready(i) for i in new):
        return
    draft.start(service, home, max(wanted.size + 1 - len(serving), 0))
    spare = max(len(serving) - wanted.size, 0)
    draft.intend(sorted(old, key=draft.ready)[:spare], Intent.DRAIN)


def end_worker(draft: FleetDraft, service: str, home: str) -> None:
    """A worker ends before another begins."""
    draft.intend(due(draft, service, home), Intent.STOP)
