"""Users go over to one version of a service as it gets ready: one of ten would not carry everybody."""

from dataclasses import replace

from carelane.delivery.decisions import leaving
from carelane.delivery.decisions.draft import Draft

FINE = 1000
"""Parts enough to divide the users of several versions by, however many copies there are."""


def over(draft: Draft, name: str, label: str) -> bool:
    """Give users to what is ready of *label*; True once nobody else is to have any.

    Until as many as promised are ready, each takes the place of one that is left; but where nobody who is
    left is ready, the first takes all. Who is left may be another service, which has its paths. Nobody is
    given to what is left by that: beside a canary, who is ready carries most users, and takes the rest.
    """
    shares = draft.service(name).shares or {}
    coming = draft.ready(name, label)
    if not coming:
        return False
    left = {other: share for other, share in shares.items() if share and other != label}
    carrying = sum(draft.ready(name, other) for other in left)
    kept = min(_places(draft.size(name), coming, shares.get(label, 0), sum(left.values())), carrying)
    done = coming >= draft.carries(name) or not (kept or leaving.carrying_for(draft, name))
    _put(draft, name, label, {label: coming} if done else _divided(label, coming, kept, left))
    return done


def _places(size: int, coming: int, theirs: int, others: int) -> int:
    """How many of those that are left may go on beside so many that are *coming*, and get no more users."""
    most = coming * others // theirs if theirs else size
    return min(max(size - coming, 1), most)


def _divided(label: str, coming: int, kept: int, left: dict[str, int]) -> dict[str, int]:
    """One part for each that is *coming*, and *kept* parts among those that are *left*, as they are now."""
    if not kept:
        return {label: coming}
    if len(left) == 1:
        return {label: coming, **dict.fromkeys(left, kept)}
    whole = sum(left.values())
    if whole < FINE:
        left, whole = {other: share * FINE for other, share in left.items()}, whole * FINE
    return {label: coming * whole // kept, **left}


def _put(draft: Draft, name: str, label: str, shares: dict[str, int]) -> None:
    """Give out *shares*; what has none is to serve no more."""
    state = draft.service(name)
    copies = {
        other: c for other, c in state.copies.items() if other == label or not c.serves or other in shares
    }
    draft.put(name, replace(state, copies=copies, shares=shares))


def as_now(draft: Draft, name: str) -> dict[str, int]:
    """The shares by which users are where they are now, whatever gets ready."""
    who = draft.users().get(name)
    return {label: weight for label, weight in who.weights.items() if weight} if who is not None else {}
