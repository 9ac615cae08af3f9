"""One step of a fleet towards what is wanted of each version: pure, and the same when it is repeated."""

from carelane.delivery.releases import ServiceKind
from carelane.delivery.replicas import beside, crashes, keeping, pacing, renewing
from carelane.delivery.replicas.draft import FleetDraft
from carelane.delivery.replicas.fleet import STAYING


def step(draft: FleetDraft) -> None:
    """Everything that can be done now."""
    crashes.note(draft)
    for service in draft.services:
        if draft.seen.endpoints is None:
            _unseen(draft, service)
            continue
        keeping.tidy(draft, service)
        keeping.replace_dead(draft, service)
        _go_on(draft, service)
        keeping.cool(draft, service)


def _go_on(draft: FleetDraft, service: str) -> None:
    wanted = draft.wanted(service)
    home = wanted.home
    if home is None or not any(copies.serves for copies in wanted.copies.values()):
        keeping.retire(draft, draft.crew(service).of_intent(*STAYING))
    elif draft.kind(service, home) is ServiceKind.WORKER:
        renewing.end_worker(draft, service, home)
        pacing.one_after_the_other(draft, service, home)
    elif wanted.shares is not None or home not in wanted.copies:
        beside.stand(draft, service)
    elif renewing.due(draft, service, home):
        renewing.renew(draft, service, home)
    elif wanted.pace is None:
        pacing.at_once(draft, service, home)
    elif wanted.paused:
        pacing.held(draft, service, home)
    else:
        pacing.at_pace(draft, service, home, wanted.pace)


def _unseen(draft: FleetDraft, service: str) -> None:
    """While no proxy answers nothing can be said of users; but workers have none, and go on as always."""
    wanted = draft.wanted(service)
    kinds = {version.run.kind for version in wanted.versions.values()}
    if wanted.home in wanted.copies and kinds == {ServiceKind.WORKER}:
        keeping.tidy(draft, service)
        keeping.replace_dead(draft, service)
        pacing.one_after_the_other(draft, service, wanted.home or "")
