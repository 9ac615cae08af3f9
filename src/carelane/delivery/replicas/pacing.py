"""Replacement in place: of a web service at a pace, or at once; of a worker, one after the other.

Traffic follows readiness: an instance meant to serve is routed to when the proxies find it fit, and
an old one leaves the routing before anything else happens to it.
"""

from carelane.delivery.policies import Pace
from carelane.delivery.replicas import keeping
from carelane.delivery.replicas.draft import FleetDraft
from carelane.delivery.replicas.fleet import STAYING, Instance, Intent


def at_pace(draft: FleetDraft, service: str, home: str, pace: Pace) -> None:
    """Bring new instances in and let old ones leave, none too many at once."""
    warm = draft.crew(service).of(home, Intent.WARM)
    draft.intend([*warm, *keeping.recallable(draft, service, home)], Intent.SERVE)
    keeping.let_go(draft, service)
    _retire(draft, service, home, pace)
    _add(draft, service, home, pace)


def _retire(draft: FleetDraft, service: str, home: str, pace: Pace) -> None:
    """Let old instances leave: those not fit for traffic first, then as many as the pace allows."""
    size = draft.wanted(service).size
    unavailable, surge = pace.resolved(size)
    new = draft.crew(service).of(home, Intent.SERVE)
    ready_new = [i for i in new if draft.settled(i, pace.min_ready_seconds)]
    old = _others(draft, service, home)
    ready_old = [i for i in old if draft.ready(i)]
    # With a surge there is always a way that keeps one instance in the routing.
    floor = max(size - unavailable, 1 if surge else 0)
    spare = len(ready_new) + len(ready_old) - floor
    leaving: list[Instance] = ready_old[: max(spare, 0)]
    unfit = [i for i in old if i not in ready_old]
    if ready_new or surge:
        leaving += unfit if ready_new else []
    else:
        # Without a surge only they can make room; what is not fit anyway is missed by nobody.
        leaving += unfit[: max(unavailable - len(draft.crew(service).of(home, *STAYING)), 0)]
    keeping.retire(draft, leaving)


def _add(draft: FleetDraft, service: str, home: str, pace: Pace) -> None:
    size = draft.wanted(service).size
    _, surge = pace.resolved(size)
    new = len(draft.crew(service).of(home, *STAYING))
    old = len(_others(draft, service, home))
    draft.start(service, home, max(min(size - new, size + surge - old - new), 0))


def _others(draft: FleetDraft, service: str, home: str) -> list[Instance]:
    return [i for i in draft.crew(service).of_intent(Intent.SERVE) if i.label != home]


def held(draft: FleetDraft, service: str, home: str) -> None:
    """Keep a held replacement whole: what is new counts as far as it is ready, the rest is of what was."""
    wanted = draft.wanted(service)
    filled = [label for label, c in wanted.copies.items() if c.serves and c.percent and label != home]
    before = next(iter(filled), None)
    if before is None:
        return
    serving = draft.crew(service).of_intent(Intent.SERVE)
    others = [i for i in serving if i.label != before and draft.ready(i)]
    keeping.fill(draft, service, before, wanted.size - len(others))


def at_once(draft: FleetDraft, service: str, home: str) -> None:
    """Make *home* whole; then the others go, and those that are not ready before that.

    Until then ready ones of another label go on serving: fewer instances than promised would be worse.
    """
    wanted = draft.wanted(service)
    count = wanted.copies[home].of(wanted.size)
    keeping.fill(draft, service, home, count)
    if count and not wanted.held:
        keeping.shrink(draft, service, home, count)
    keeping.let_go(draft, service)
    ready = [i for i in draft.crew(service).of(home, Intent.SERVE) if draft.ready(i)]
    others = _others(draft, service, home)
    whole = len(ready) >= wanted.least
    anybody = any(draft.ready(i) for i in [*ready, *others])  # else they may all be back at the next look
    keeping.retire(draft, [i for i in others if whole or (anybody and not draft.ready(i))])


def one_after_the_other(draft: FleetDraft, service: str, home: str) -> None:
    """A worker: the old instances end before the new ones start, so no work is done twice."""
    wanted = draft.wanted(service)
    others = [i for i in draft.crew(service).instances if i.label != home]
    draft.intend([i for i in others if i.intent is not Intent.STOP], Intent.STOP)
    if not others and not draft.crew(service).of(home, Intent.STOP):
        keeping.fill(draft, service, home, wanted.size)
        if not wanted.held:
            keeping.shrink(draft, service, home, wanted.size)
