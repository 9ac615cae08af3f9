"""Versions side by side, each with its share of the traffic: what is wanted is filled, the rest goes."""

from carelane.delivery.replicas import keeping
from carelane.delivery.replicas.draft import FleetDraft


def stand(draft: FleetDraft, service: str) -> None:
    """Fill every label that is to serve; what is to be warm, or nothing any more, goes out of the traffic."""
    wanted = draft.wanted(service)
    for label, copies in wanted.copies.items():
        if copies.serves:
            keeping.fill(draft, service, label, copies.of(wanted.size))
    keeping.let_go(draft, service)
